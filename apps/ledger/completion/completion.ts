import { join } from 'node:path';
import type { StoredEvent } from '#event-store';
import type { Parts } from '../parts.js';
import { completeErasure } from './complete-erasure.js';
import { completeLink } from './complete-link.js';
import { keptInFile } from './kept-position.js';
import { orLeave } from './or-leave.js';
import { Rounds, type RoundsStatus } from './rounds.js';

/** How far the ledger has been looked through for what a crash cut in half. Lost, it is looked through again. */
const COMPLETION_FILE = 'completion.position';

/** Nearly all events are others, and have nothing to be completed. */
const COMPLETED = ['RecipientLinked', 'RecipientUnlinked', 'RecipientErased'];

const ROUND_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * What belongs in several places and got into one before a crash, or a store that went away, is completed: the halves of
 * a link, and the erasure of a person's other addresses. Every process may do so at once, since the same event has the
 * same id wherever it is made.
 */
export class Completion {
  #rounds: Rounds | undefined;

  /** To be called once, when everything else is open. It is for those who take commands. */
  start(parts: Parts): void {
    const { store, config, clock, log } = parts;
    if (!config.roles.includes('commands')) return;
    this.#rounds = new Rounds({
      store,
      prefixes: ['consent-'],
      types: COMPLETED,
      kept: keptInFile(join(config.dataDir, COMPLETION_FILE), store.ledgerId),
      handle: (event) => completeIn(parts, event),
      onError: (error) =>
        log.error({ err: error }, 'what was broken off could not be completed yet: it is tried again'),
      monotonic: () => clock.monotonic(),
      roundMs: ROUND_MS,
      longestPauseMs: LONGEST_PAUSE_MS,
    });
  }

  /** Undefined where this process completes nothing. */
  status(): RoundsStatus | undefined {
    return this.#rounds?.status();
  }

  async close(): Promise<void> {
    await this.#rounds?.stop();
  }
}

async function completeIn(parts: Parts, event: StoredEvent): Promise<void> {
  await orLeave(parts, event, () => completeLink(parts, event));
  await completeErasure(parts, event);
}
