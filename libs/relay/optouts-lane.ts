import { setTimeout as pause } from 'node:timers/promises';
import { epochMsOf } from '#consent';
import type { Delivery, Position } from '#event-store';
import { changesIn, crossesLinks, isOptOut, type Change } from './changes.js';
import type { RelayCopy } from './copy.js';
import type { Prepared } from './event-lane.js';
import { linkedKeys } from './linked-keys.js';
import type { Sender } from './sender.js';
import type { Telling, Tellings } from './tellings.js';

export interface OptOutsOptions {
  readonly copy: RelayCopy;
  readonly tellings: Tellings;
  readonly sender: Sender;
  /** Told of opt-outs that are stored, under whichever key. */
  readonly onOptOuts: (tellings: readonly Telling[]) => void;
  readonly signal: AbortSignal;
}

/**
 * So long an opt-out waits for the copy to say who is linked, in milliseconds; usually the copy is as fast as the lane.
 * Past it, it goes out under its own key, and to those linked as soon as the copy is there.
 */
const LINKS_WAIT_MS = 30;
const LINKS_LOOK_MS = 1_000;
const LOOK_PAUSE_MS = 50;

/** Every opt-out of a stretch of the ledger, under its own key and under that of everybody linked. */
export async function prepareOptOuts(delivery: Delivery, options: OptOutsOptions): Promise<Prepared> {
  const changes = await changesIn(delivery.events, isOptOut);
  const [first] = changes;
  if (first === undefined) return { tellings: [] };
  const { copy, onOptOuts } = options;
  const linked = await linkedKeys(copy, delivery.position, crossing(changes), LINKS_WAIT_MS);
  const tellings = changes.flatMap((change) => options.tellings.optOut(change, linked));
  const prepared = { tellings, sinceMs: epochMsOf(first.origin.recordedAt), onStored: () => onOptOuts(tellings) };
  return linked ? prepared : { ...prepared, rest: () => tellLinked(changes, delivery.position, options) };
}

function crossing(changes: readonly Change[]): readonly string[] {
  return changes.filter(({ event }) => crossesLinks(event)).map(({ recipientId }) => recipientId);
}

/** What could not be told to those linked because the copy was behind. */
async function tellLinked(changes: readonly Change[], position: Position, options: OptOutsOptions): Promise<void> {
  const { copy, tellings, sender, onOptOuts, signal } = options;
  for (;;) {
    signal.throwIfAborted();
    const linked = await linkedKeys(copy, position, crossing(changes), LINKS_LOOK_MS);
    if (linked === undefined) {
      await pause(LOOK_PAUSE_MS, undefined, { signal });
      continue;
    }
    const late = changes.filter(({ recipientId }) => linked.has(recipientId));
    const told = late.flatMap((change) => tellings.optOut(change, linked).slice(1));
    if (told.length > 0) await sender.send(told);
    return onOptOuts(told);
  }
}
