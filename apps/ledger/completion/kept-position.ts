import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hasReached, isPosition, ledgerIdOf, type Position } from '#event-store';

/**
 * Where a follower is that has no database to keep its position in with its effect: one whose effect stands in the
 * ledger itself and is harmless twice. A place that is lost, broken, another ledger's or past this one's `head` is none,
 * and it begins anew: what a ledger that lost its end is given from then on stands at places that were passed already.
 */
export interface KeptPosition {
  load(head: Position): Position | undefined;
  /** Keeps it for the next start, though not through a loss of power: an older place is a good place too. */
  save(position: Position): void;
}

/** In a file of one line, replaced whole. */
export function keptInFile(file: string, ledgerId: string): KeptPosition {
  return {
    load: (head) => {
      const text = readOrNothing(file).trim();
      const isHere = isPosition(text) && ledgerIdOf(text) === ledgerId && hasReached(head, text);
      return isHere ? text : undefined;
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
