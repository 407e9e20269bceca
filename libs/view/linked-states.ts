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

/** Yields whose states are wanted next, is handed them, and returns what was to be made of them. */
type Gathering<T> = Generator<readonly string[], T, States>;

/**
 * The states that answer for recipients together with those linked to each, in place of their own. Where more hang together
 * than can be read, one of those unread may have said no, so such a recipient counts as unreadable.
 */
export async function withLinked(
  recipientIds: readonly string[],
  own: States,
  readStates: (recipientIds: readonly string[]) => Promise<States>,
): Promise<States> {
  const gathering = gatherAll(recipientIds, own);
  let step = gathering.next();
  while (step.done !== true) step = gathering.next(await readStates(step.value));
  return step.value;
}

/** The same at once; undefined where a state cannot be had without waiting. */
export function withLinkedNow(
  recipientIds: readonly string[],
  own: States,
  readStates: (recipientIds: readonly string[]) => States | undefined,
): States | undefined {
  const gathering = gatherAll(recipientIds, own);
  let step = gathering.next();
  while (step.done !== true) {
    const read = readStates(step.value);
    if (read === undefined) return undefined;
    step = gathering.next(read);
  }
  return step.value;
}

/** Of one recipient. */
export async function stateWithLinked(
  recipientId: string,
  own: RecipientState,
  readStates: (recipientIds: readonly string[]) => Promise<States>,
): Promise<RecipientState> {
  const [state = own] = await withLinked([recipientId], [own], readStates);
  return state;
}

/** All in step: what they want next is asked for at once, however many are linked. */
function* gatherAll(recipientIds: readonly string[], own: States): Gathering<States> {
  if (!own.some(isLinked)) return own;
  const states = [...own];
  let open = own.flatMap((state, index) => {
    if (!isLinked(state)) return [];
    const gathering = gather(recipientIds[index] as string, state);
    return [{ index, gathering, step: gathering.next() }];
  });
  for (;;) {
    for (const { index, step } of open) if (step.done === true) states[index] = step.value;
    open = open.filter(({ step }) => step.done !== true);
    if (open.length === 0) return states;
    const found = yield open.flatMap(({ step }) => step.value as readonly string[]);
    let from = 0;
    for (const one of open) {
      const to = from + (one.step.value as readonly string[]).length;
      one.step = one.gathering.next(found.slice(from, to));
      from = to;
    }
  }
}

function isLinked(state: RecipientState | undefined): state is RecipientState {
  return state !== undefined && state.links.length > 0;
}

/** Breadth first. */
function* gather(recipientId: string, own: RecipientState): Gathering<RecipientState> {
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
