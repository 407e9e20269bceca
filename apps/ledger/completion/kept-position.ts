import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isPosition, ledgerIdOf, type Position } from '#event-store';

/**
 * Where a follower is that has no database to keep its position in with its effect: one whose effect stands in the
 * ledger itself and is harmless twice. A place that is lost, broken or another ledger's is none, and it begins anew.
 */
export interface KeptPosition {
  load(): Position | undefined;
  /** Keeps it for the next start, though not through a loss of power: an older place is a good place too. */
  save(position: Position): void;
}

/** In a file of one line, replaced whole. */
export function keptInFile(file: string, ledgerId: string): KeptPosition {
  return {
    load: () => {
      const text = readOrNothing(file).trim();
      return isPosition(text) && ledgerIdOf(text) === ledgerId ? text : undefined;
    },
    save: (position) => {
      writeFileSync(`${file}.new`, `${position}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
  };
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
