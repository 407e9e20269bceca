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
export type States = readonly (RecipientState | undefined)[];

/** Yields whose states are wanted next, is handed them, and returns the state that answers. */
type Gathering = Generator<readonly string[], RecipientState, States>;

/**
 * The state that answers for a recipient together with those linked to it. Their states are read breadth first; where
 * more hang together than can be read, one of those unread may have said no, so the recipient counts as unreadable.
 */
export async function stateWithLinked(
  recipientId: string,
  own: RecipientState,
  readStates: (recipientIds: readonly string[]) => Promise<States>,
): Promise<RecipientState> {
  const gathering = gather(recipientId, own);
  let step = gathering.next();
  while (step.done !== true) step = gathering.next(await readStates(step.value));
  return step.value;
}

/** Of several recipients, whose own states are known. */
export async function withLinked(
  recipientIds: readonly string[],
  own: States,
  readStates: (recipientIds: readonly string[]) => Promise<States>,
): Promise<States> {
  const states = [...own];
  for (const index of linkedIn(own)) {
    const recipientId = recipientIds[index] as string;
    states[index] = await stateWithLinked(recipientId, own[index] as RecipientState, readStates);
  }
  return states;
}

/** The same at once; undefined where a state cannot be had without waiting. */
export function withLinkedNow(
  recipientIds: readonly string[],
  own: States,
  readStates: (recipientIds: readonly string[]) => States | undefined,
): States | undefined {
  const linked = linkedIn(own);
  if (linked.length === 0) return own;
  const states = [...own];
  for (const index of linked) {
    const gathering = gather(recipientIds[index] as string, own[index] as RecipientState);
    let step = gathering.next();
    while (step.done !== true) {
      const read = readStates(step.value);
      if (read === undefined) return undefined;
      step = gathering.next(read);
    }
    states[index] = step.value;
  }
  return states;
}

/** Where in a list those stand who are linked to somebody. */
function linkedIn(states: States): readonly number[] {
  const found: number[] = [];
  states.forEach((state, index) => {
    if (state !== undefined && state.links.length > 0) found.push(index);
  });
  return found;
}

function* gather(recipientId: string, own: RecipientState): Gathering {
  if (own.links.length === 0) return own;
  const states = new Map<string, RecipientState>([[recipientId, own]]);
  for (let ids = unread([own], states); ids.length > 0;) {
    if (states.size + ids.length > MAX_LOOKED_AT) return { ...own, unreadable: doubtFrom(own.links) };
    const found = (yield ids).map((state) => state ?? EMPTY_STATE);
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
