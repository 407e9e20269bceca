import type { Instant } from './instant.js';
import type { All, Category, Channel, DisclosureRef, LinkKind } from './vocabulary.js';

/**
 * What the ledger knows of one recipient, as cells that each keep the greatest of what was put into them. Putting is
 * commutative, associative and idempotent, so replays, late imports and reordered deliveries all end in one state.
 * Cells stand in a canonical order: equal states are equal structures.
 */
export interface RecipientState {
  readonly grants: readonly GrantCell[];
  readonly revocations: readonly RevocationCell[];
  readonly preferences: readonly PreferenceCell[];
  readonly blocks: readonly BlockCell[];
  readonly contacts: readonly ContactCell[];
  readonly confirmations: readonly ConfirmationCell[];
  readonly links: readonly LinkCell[];
  readonly erased?: Basis;
  readonly unreadable?: Basis;
}

/** The event that a cell, and later an answer, rests on. */
export interface Basis {
  readonly eventId: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: string;
  readonly occurredAt: Instant;
  readonly recordedAt: Instant;
  readonly method?: string;
  readonly disclosure?: DisclosureRef;
}

export interface GrantCell extends Basis {
  readonly channel: Channel;
  readonly purpose: string;
  readonly expiresAt?: Instant;
}

/** Exactly one of `purpose` and `category`; the category may be `*`. */
export interface RevocationCell extends Basis {
  readonly channel: Channel | All;
  readonly purpose?: string;
  readonly category?: Category | All;
}

export interface PreferenceCell {
  readonly channel: Channel;
  readonly sender: string;
  readonly stop?: Basis;
  readonly resume?: Basis;
}

export interface BlockCell extends Basis {
  readonly channel: Channel | All;
}

export interface ContactCell extends Basis {
  readonly channel: Channel;
  readonly sender: string;
}

/**
 * `confirmation` allows the one message that confirms an opt-out; `stoppedAt` is the latest opt-out of the kind that
 * could have allowed one, kept so that a second within a day does not.
 */
export interface ConfirmationCell {
  readonly channel: Channel | All;
  readonly stoppedAt: Instant;
  readonly confirmation?: Basis & { readonly until: Instant };
}

export interface LinkCell {
  readonly recipientId: string;
  readonly link?: Basis & { readonly kind: LinkKind; readonly role?: 'old' | 'new' };
  readonly unlink?: Basis;
}

export const EMPTY_STATE: RecipientState = {
  grants: [],
  revocations: [],
  preferences: [],
  blocks: [],
  contacts: [],
  confirmations: [],
  links: [],
};

/** The later by when the person acted; on a tie the greater event id, so that the choice does not depend on order. */
export function later<B extends Basis>(one: B, other: B): B {
  if (one.occurredAt !== other.occurredAt) return one.occurredAt > other.occurredAt ? one : other;
  return isFirstChoice(one, other) ? one : other;
}

/** Between two of one instant. An event that a store kept twice stands for itself by its first place in the ledger. */
function isFirstChoice(one: Basis, other: Basis): boolean {
  const order =
    compare(other.eventId, one.eventId) ||
    compare(one.stream, other.stream) ||
    one.revision.length - other.revision.length ||
    compare(one.revision, other.revision);
  return order <= 0;
}

export function latest<B extends Basis>(one: B | undefined, other: B): B;
export function latest<B extends Basis>(one: B | undefined, other: B | undefined): B | undefined;
export function latest<B extends Basis>(one: B | undefined, other: B | undefined): B | undefined {
  return one === undefined || other === undefined ? (one ?? other) : later(one, other);
}

export function keepGrant(state: RecipientState, grant: GrantCell): RecipientState {
  const sameCell = (cell: GrantCell) => cell.channel === grant.channel && cell.purpose === grant.purpose;
  if (state.grants.some((cell) => sameCell(cell) && beats(cell, grant))) return state;
  const kept = state.grants.filter((cell) => !(sameCell(cell) && beats(grant, cell)));
  return { ...state, grants: [...kept, grant].sort(byGrantOrder) };
}

/** A grant beats another that is neither later nor longer; the event id settles perfect equals. */
function beats(one: GrantCell, other: GrantCell): boolean {
  const [oneEnd, otherEnd] = [endOf(one), endOf(other)];
  if (one.occurredAt === other.occurredAt && oneEnd === otherEnd) return isFirstChoice(one, other);
  return one.occurredAt >= other.occurredAt && oneEnd >= otherEnd;
}

/** Sorts after every instant: a grant without expiry outlasts all that have one. */
const NEVER = '~';
function endOf(grant: GrantCell): string {
  return grant.expiresAt ?? NEVER;
}

function byGrantOrder(a: GrantCell, b: GrantCell): number {
  return (
    compare(a.channel, b.channel) ||
    compare(a.purpose, b.purpose) ||
    compare(a.occurredAt, b.occurredAt) ||
    compare(a.eventId, b.eventId)
  );
}

export function keepRevocation(state: RecipientState, cell: RevocationCell): RecipientState {
  return { ...state, revocations: put(state.revocations, cell, revocationKey, later) };
}

export function keepPreference(state: RecipientState, cell: PreferenceCell): RecipientState {
  return { ...state, preferences: put(state.preferences, cell, channelAndSender, joinPreferences) };
}

export function keepBlock(state: RecipientState, cell: BlockCell): RecipientState {
  return { ...state, blocks: put(state.blocks, cell, channelOf, later) };
}

export function keepContact(state: RecipientState, cell: ContactCell): RecipientState {
  return { ...state, contacts: put(state.contacts, cell, channelAndSender, later) };
}

export function keepConfirmation(state: RecipientState, cell: ConfirmationCell): RecipientState {
  return { ...state, confirmations: put(state.confirmations, cell, channelOf, joinConfirmations) };
}

export function keepLink(state: RecipientState, cell: LinkCell): RecipientState {
  return { ...state, links: put(state.links, cell, (link) => link.recipientId, joinLinks) };
}

/** The least state that knows all that either knows. */
export function join(one: RecipientState, other: RecipientState): RecipientState {
  let state = one;
  for (const cell of other.grants) state = keepGrant(state, cell);
  for (const cell of other.revocations) state = keepRevocation(state, cell);
  for (const cell of other.preferences) state = keepPreference(state, cell);
  for (const cell of other.blocks) state = keepBlock(state, cell);
  for (const cell of other.contacts) state = keepContact(state, cell);
  for (const cell of other.confirmations) state = keepConfirmation(state, cell);
  for (const cell of other.links) state = keepLink(state, cell);
  if (other.erased) state = { ...state, erased: latest(state.erased, other.erased) };
  if (other.unreadable) state = { ...state, unreadable: latest(state.unreadable, other.unreadable) };
  return state;
}

function revocationKey(cell: RevocationCell): string {
  return `${cell.channel} ${cell.purpose === undefined ? `category ${cell.category}` : `purpose ${cell.purpose}`}`;
}

function channelOf(cell: { readonly channel: string }): string {
  return cell.channel;
}

function channelAndSender(cell: { readonly channel: string; readonly sender: string }): string {
  return `${cell.channel} ${cell.sender}`;
}

function joinPreferences(one: PreferenceCell, other: PreferenceCell): PreferenceCell {
  return {
    channel: one.channel,
    sender: one.sender,
    ...present('stop', latest(one.stop, other.stop)),
    ...present('resume', latest(one.resume, other.resume)),
  };
}

function joinConfirmations(one: ConfirmationCell, other: ConfirmationCell): ConfirmationCell {
  return {
    channel: one.channel,
    stoppedAt: one.stoppedAt > other.stoppedAt ? one.stoppedAt : other.stoppedAt,
    ...present('confirmation', longer(one.confirmation, other.confirmation)),
  };
}

type Confirmation = NonNullable<ConfirmationCell['confirmation']>;
function longer(one: Confirmation | undefined, other: Confirmation | undefined): Confirmation | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  if (one.until !== other.until) return one.until > other.until ? one : other;
  return later(one, other);
}

function joinLinks(one: LinkCell, other: LinkCell): LinkCell {
  return {
    recipientId: one.recipientId,
    ...present('link', latest(one.link, other.link)),
    ...present('unlink', latest(one.unlink, other.unlink)),
  };
}

function present<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

/** Joins a cell into its place and keeps the cells in the order of their keys. */
function put<C>(
  cells: readonly C[],
  cell: C,
  keyOf: (cell: C) => string,
  joinCells: (one: C, other: C) => C,
): readonly C[] {
  const key = keyOf(cell);
  const index = cells.findIndex((other) => keyOf(other) >= key);
  if (index < 0) return [...cells, cell];
  const found = cells[index] as C;
  return keyOf(found) === key
    ? cells.with(index, joinCells(found, cell))
    : [...cells.slice(0, index), cell, ...cells.slice(index)];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
