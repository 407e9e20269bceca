import { activeLinks } from '#consent';
import type { Position } from '#event-store';
import type { RelayCopy } from './copy.js';

/** Recipients that hang together over more links than these are a fault; those nearer are told. */
const MOST_LINKS_APART = 64;

/**
 * Who is linked to each of these recipients, over any number of links, by the copy at or past `position`; nobody is
 * linked to those that are not in the answer. Undefined where the copy does not get there within `waitMs`.
 */
export async function linkedKeys(
  copy: RelayCopy,
  position: Position,
  recipientIds: readonly string[],
  waitMs: number,
): Promise<ReadonlyMap<string, readonly string[]> | undefined> {
  const links = new Map<string, readonly string[]>();
  let unread = [...new Set(recipientIds)];
  for (let apart = 0; unread.length > 0 && apart < MOST_LINKS_APART; apart += 1) {
    const found = await copy.rowsAt(position, unread, waitMs);
    if (found === undefined) return undefined;
    unread.forEach((id, index) => {
      const state = found.rows[index]?.state;
      links.set(id, state === undefined ? [] : activeLinks(state).map(({ recipientId }) => recipientId));
    });
    unread = [...new Set([...links.values()].flat())].filter((id) => !links.has(id));
  }
  const closures = recipientIds.filter((id) => links.get(id)?.length).map((id) => [id, closureOf(id, links)] as const);
  return new Map(closures);
}

function closureOf(recipientId: string, links: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const reached = new Set([recipientId]);
  // A set's iterator also visits what is added while it runs.
  for (const id of reached) for (const linked of links.get(id) ?? []) reached.add(linked);
  reached.delete(recipientId);
  return [...reached];
}
