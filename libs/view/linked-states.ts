import {
  activeLinks,
  EMPTY_STATE,
  joinLinked,
  MAX_LOOKED_AT,
  type Basis,
  type LinkCell,
  type RecipientState,
} from '#consent';

/** The states of recipients of one business, in the order asked for; undefined where nothing is known. */
export type ReadStates = (recipientIds: readonly string[]) => Promise<readonly (RecipientState | undefined)[]>;

/**
 * The state that answers for a recipient together with those linked to it. Their states are read breadth first; where
 * more hang together than can be read, one of those unread may have said no, so the recipient counts as unreadable.
 */
export async function stateWithLinked(
  recipientId: string,
  own: RecipientState,
  readStates: ReadStates,
): Promise<RecipientState> {
  if (own.links.length === 0) return own;
  const states = new Map<string, RecipientState>([[recipientId, own]]);
  for (let ids = unread([own], states); ids.length > 0;) {
    if (states.size + ids.length > MAX_LOOKED_AT) return { ...own, unreadable: doubtFrom(own.links) };
    const found = (await readStates(ids)).map((state) => state ?? EMPTY_STATE);
    found.forEach((state, index) => states.set(ids[index] as string, state));
    ids = unread(found, states);
  }
  return joinLinked(recipientId, own, (memberId) => states.get(memberId));
}

function unread(from: readonly RecipientState[], known: ReadonlyMap<string, RecipientState>): readonly string[] {
  const linked = from.flatMap((state) => activeLinks(state).map((link) => link.recipientId));
  return [...new Set(linked)].filter((recipientId) => !known.has(recipientId));
}

/** The newest link is what the doubt rests on. */
function doubtFrom(links: readonly LinkCell[]): Basis {
  const events = links.flatMap(({ link, unlink }) => [link ?? [], unlink ?? []].flat());
  const { eventId, stream, revision, occurredAt, recordedAt } = events.reduce((newest, event) =>
    event.occurredAt > newest.occurredAt ? event : newest,
  );
  return { eventId, type: 'Unreadable', stream, revision, occurredAt, recordedAt };
}
