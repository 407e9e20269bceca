import { EMPTY_STATE, instantOf, type ConsentEvent, type Instant, type RecipientState } from '#consent';
import { writeEvent, type Appended, type Ledger, type NewEvent, type ReadEvent } from '#event-store';
import { Refusal } from '#platform';
import type { Sealed } from '#vault';
import { foldStored } from '#view';
import type { Parts } from '../parts.js';
import { metadataOf, type Caller } from './caller.js';
import { answerOf, placeOf, type Effect, type Outcome, type Place, type Warning } from './answer.js';
import { handle, type Decided, type History } from './handle.js';
import { rememberForLinked } from './remember-linked.js';
import { identify, isErasedSince, isReused, type Identifiable, type Identity } from './identity.js';

/** A command on a recipient's consent stream: read, fold, decide, seal, append, and make the process read its own write. */
export interface RecipientCommand extends Identifiable {
  /** Set where the key fixes the request, as a provider's message id does: it cannot have come with another one. */
  readonly oneRequestPerKey?: true | undefined;
  /** Parts that are stored only sealed under the recipient's own key. */
  readonly personal: Readonly<Record<string, string>>;
  readonly warnings: readonly Warning[];
  readonly caller: Caller;
  /** Pure but for reads of the ledger; throws a `Refusal` where the rules say so, which a revocation's never do. */
  decide(state: RecipientState, now: Instant, history: History): Promise<{ event: ConsentEvent } & Partial<Effect>>;
  /** What a replay answers: the effect that the stored event had over what was known before it. */
  effectOf(before: RecipientState, event: ConsentEvent, place: Place): Partial<Effect> | Promise<Partial<Effect>>;
}

interface Draft {
  readonly event: ConsentEvent;
  readonly effect: Effect;
  readonly recordedAt: Instant;
  readonly eventId: string;
  /** Whether the recipient's stream, as it was read, says anything of links. */
  readonly isLinked: boolean;
  /** Where the event already stood, if this is a replay. */
  readonly place?: Place;
}

export function carryOut(parts: Parts, command: RecipientCommand): Promise<Outcome> {
  // The others expect the revision that they have read, and an erasure in between would be one too many for them.
  if (command.lane !== 'revocation' || command.erases) return carryOutNow(parts, command);
  const how = parts.store.isOurs ? 'recordingInTurn' : 'recording';
  return parts.underWay[how](command.recipientId, () => carryOutNow(parts, command));
}

async function carryOutNow(parts: Parts, command: RecipientCommand): Promise<Outcome> {
  const stream = `consent-${command.recipientId}`;
  const identity = await identify(parts, command);
  const { answer: draft, appended } = await handle<Draft>(parts, {
    stream,
    lane: command.lane,
    maxAttempts: parts.config.limits.appendRetries,
    glance: () => (command.lane === 'revocation' ? glanceAt(parts, command) : undefined),
    decide: async (history) => decideOnce(parts, command, identity, await knownOf(parts, command, history)),
  });
  const place = draft.place ?? placeIn(stream, draft, appended);
  // A replay too: the event may be durable and neither the copy nor its own request have come so far yet.
  parts.view.remember(command.recipientId, command.businessId, draft.event, place, place.position);
  if (identity.keyUse) parts.keyUses.note(identity.keyUse);
  if (draft.isLinked && !parts.store.isOurs) await rememberForLinked(parts, { ...command, event: draft.event, place });
  const replayed = draft.place !== undefined || appended?.replayed === true;
  parts.metrics.command(draft.event.type, replayed ? 'replayed' : 'recorded');
  return { answer: answerOf(command.recipientId, draft.event, place, draft.effect), replayed };
}

function placeIn(stream: string, { eventId, recordedAt }: Draft, appended: Appended | undefined): Place {
  return { eventId, stream, revision: appended?.revision ?? '', position: appended?.position ?? '', recordedAt };
}

/**
 * What the view and this process know of the person together. Where this process alone writes, that is all there is, and
 * it spares an opt-out the reading of two streams; a repeated one the append itself will tell.
 */
function glanceAt({ store, view, underWay }: Parts, command: RecipientCommand): History | undefined {
  if (!mayGlance(store, command)) return undefined;
  if (!command.erases && underWay.isErasing(command.recipientId)) return undefined;
  const { businessId, recipientId } = command;
  const looked = view.lookUp(businessId, [recipientId]);
  if (looked instanceof Promise || !looked.ok) return undefined;
  const state = looked.states[0] ?? EMPTY_STATE;
  // What was said under the other addresses is joined with it by then, and is not this stream's own.
  return state.links.length > 0 ? undefined : { events: [], expected: 'any', state };
}

/** Of a stream that cannot be read the view may still know something: that the person was erased, above all. */
async function knownOf({ view }: Parts, command: RecipientCommand, history: History): Promise<History> {
  if (!history.unread) return history;
  const looked = await view.lookUp(command.businessId, [command.recipientId]);
  return looked.ok ? { ...history, state: looked.states[0] ?? EMPTY_STATE } : history;
}

/**
 * Whether a key came with another request before, only the stream itself can tell; and where the append does not tell a
 * repeat, nor whether it came before at all.
 */
export function mayGlance(
  store: Ledger,
  { key, oneRequestPerKey }: Pick<RecipientCommand, 'key' | 'oneRequestPerKey'>,
) {
  return store.isOurs && (key === undefined || (oneRequestPerKey === true && store.tellsRepeats));
}

async function decideOnce(
  parts: Parts,
  command: RecipientCommand,
  identity: Identity,
  history: History,
): Promise<Decided<Draft>> {
  const eventId = parts.ids.eventId(identity.eventOf, command.part?.index ?? 0);
  const earlier = findEvent(history, eventId);
  const erased = earlier !== undefined && command.lane === 'normal' && isErasedSince(history, earlier);
  const taken = isReused(history, identity, eventId) || (identity.keyUse && parts.keyUses.isTaken(identity.keyUse));
  if (taken && command.lane !== 'revocation') throw keyReused();
  const doubts = [...(taken ? [KEY_REUSED_WARNING] : []), ...(erased ? [ERASED_SINCE_WARNING] : [])];
  const warned = doubts.length === 0 ? command : { ...command, warnings: [...command.warnings, ...doubts] };
  if (earlier) return { answer: await replay(warned, history, earlier) };
  return propose(parts, warned, identity, eventId, history);
}

async function propose(
  parts: Parts,
  command: RecipientCommand,
  identity: Identity,
  eventId: string,
  history: History,
): Promise<Decided<Draft>> {
  const recordedAt = instantOf(parts.clock.now());
  const state = stateOf(history);
  const decided = await command.decide(state, recordedAt, history);
  if (command.erases) await parts.vault.announceErasure(command.recipientId, eventId);
  const isForgotten = isBeforeErasure(state, decided.event);
  const { sealed, warning } = isForgotten ? forgotten(command) : await sealFor(parts, command, eventId);
  const warnings = [...command.warnings, ...(decided.warnings ?? []), ...(warning ? [warning] : [])];
  const { ineffectiveBecause } = decided;
  const effect = ineffectiveBecause === undefined ? { warnings } : { warnings, ineffectiveBecause };
  const event = newEvent(command, identity, eventId, decided.event, sealed, recordedAt);
  const isLinked = state.links.length > 0;
  return { events: [event], answer: { event: decided.event, effect, recordedAt, eventId, isLinked } };
}

/** The same answer as the first time: its effect is judged again over what was known then, as of then. */
async function replay(command: RecipientCommand, history: History, earlier: ReadEvent): Promise<Draft> {
  const place = placeOf(earlier);
  const event = { type: earlier.event.type, data: earlier.data } as ConsentEvent;
  const before = stateOf({ ...history, events: history.events.slice(0, history.events.indexOf(earlier)) });
  const effect = await command.effectOf(before, event, place);
  const warnings = [...command.warnings, ...(effect.warnings ?? [])];
  const { recordedAt, eventId } = place;
  const isLinked = stateOf(history).links.length > 0;
  return { event, effect: { ...effect, warnings }, recordedAt, eventId, isLinked, place };
}

function stateOf({ state, events }: History): RecipientState {
  return (
    state ??
    foldStored(
      EMPTY_STATE,
      events.map(({ event }) => event),
    )
  );
}

function findEvent(history: History, eventId: string): ReadEvent | undefined {
  return history.events.find(({ event }) => event.id === eventId);
}

/** What somebody did before they were erased is told too late: nothing of it is to become readable again. */
export function isBeforeErasure({ erased }: RecipientState, { data }: ConsentEvent): boolean {
  return erased !== undefined && data.occurredAt <= erased.occurredAt;
}

function forgotten({ personal }: RecipientCommand): { sealed?: Sealed; warning?: Warning } {
  return Object.keys(personal).length === 0 ? {} : { warning: FORGOTTEN_WARNING };
}

/** An opt-out is recorded also while the vault is away; a grant without its evidence would be worth nothing. */
async function sealFor(
  parts: Parts,
  { recipientId, personal, lane }: RecipientCommand,
  eventId: string,
): Promise<{ sealed?: Sealed; warning?: Warning }> {
  if (Object.keys(personal).length === 0) return {};
  try {
    return { sealed: await parts.vault.seal(recipientId, eventId, personal) };
  } catch (error) {
    if (lane !== 'revocation') throw error;
    parts.log.error({ err: error }, 'a revocation is recorded without its sealed part');
    return { warning: UNSEALED_WARNING };
  }
}

function newEvent(
  { caller }: RecipientCommand,
  { commandId, fingerprint }: Identity,
  eventId: string,
  { type, data }: ConsentEvent,
  sealed: Sealed | undefined,
  recordedAt: Instant,
): NewEvent {
  const metadata = metadataOf(caller, commandId, { occurredAt: data.occurredAt, recordedAt }, fingerprint);
  return writeEvent(eventId, type, sealed ? { ...data, sealed } : data, metadata);
}

const UNSEALED_WARNING: Warning = {
  field: 'recipient',
  message: 'The vault could not be reached: the opt-out is recorded without its address, evidence and reason.',
};

const FORGOTTEN_WARNING: Warning = {
  field: 'recipient',
  message: 'The person was erased since: it is recorded without its address, evidence and reason.',
};

const KEY_REUSED_WARNING: Warning = {
  field: 'Idempotency-Key',
  message: 'The key belongs to an earlier request with another body: this one is recorded as a command of its own.',
};

const ERASED_SINCE_WARNING: Warning = {
  field: 'Idempotency-Key',
  message:
    'The person was erased since the key was first used, and what it came with is forgotten: nothing was recorded. A new request needs a new key.',
};

export function keyReused(): Refusal {
  return new Refusal('IDEMPOTENCY_KEY_REUSED', 'The key was used for a request with another body; use a new one.', {
    errors: [{ field: 'Idempotency-Key', code: 'REUSED', message: 'Send a new key with a new request.' }],
  });
}
