import { EMPTY_STATE, type ConfirmationCell, type Instant, type RecipientState } from '#consent';
import { readEvent, type StoredEvent } from '#event-store';
import { foldStored } from '#view';
import type { Parts } from '../parts.js';
import { inTime, type History } from './handle.js';
import { mayGlance, type RecipientCommand } from './recipient-command.js';
import { linkedStates } from './same-person.js';

/** How many of the latest messages are looked at for the newest contact. */
const RECENT_MESSAGES = 500;

/**
 * Reads, when it is first asked, what of the conversation an undated no must not fall behind. Over a network the two
 * readings wait for each other's answer no longer than they must, so there it begins at once.
 */
export function recentMessagesOf(
  parts: Parts,
  command: Pick<RecipientCommand, 'recipientId' | 'key' | 'oneRequestPerKey'>,
): () => Promise<readonly StoredEvent[]> {
  const { recipientId } = command;
  const early = mayGlance(parts.store, command) ? undefined : recentMessages(parts, recipientId);
  return () => early ?? recentMessages(parts, recipientId);
}

/** Of what is known of a person, and of those linked to them, what an opt-out has to look at. */
export interface Newest {
  readonly newestContactAt?: Instant;
  readonly newestLinkedAt?: Instant;
  readonly newestRecordedAt?: Instant;
  readonly linkedConfirmations?: readonly ConfirmationCell[];
}

/** What is known of the person that an undated no must not fall behind. */
export async function newestOf(history: History, recent: () => Promise<readonly StoredEvent[]>): Promise<Newest> {
  if (history.state) return newestIn(history.state, []);
  // Where one stream could not be read the other will not be either, and the person has waited long enough.
  const messages = history.unread ? [] : await recent();
  const recorded = [...history.events, ...messages.map(readEvent)].map(({ metadata }) => metadata.recordedAt);
  return newestIn(foldStored(EMPTY_STATE, messages), recorded);
}

/**
 * The same together with what those linked to the person have: it allows messages to the person too, and a process whose
 * clock runs ahead may have recorded it. That it cannot be read does not hold up an opt-out.
 */
export async function newestWithLinked(
  parts: Parts,
  recipientId: string,
  { links }: RecipientState,
  own: Newest,
): Promise<Newest> {
  if (links.length === 0) return own;
  try {
    const states = await inTime(statesOfLinked(parts, recipientId));
    const allowed = states.flatMap(({ grants, contacts }) => [...grants, ...contacts]);
    const recorded = states.map((state) => newestIn(state, []).newestRecordedAt);
    return {
      ...own,
      ...latestIn(
        'newestLinkedAt',
        allowed.map(({ occurredAt }) => occurredAt),
      ),
      ...latestIn('newestRecordedAt', [own.newestRecordedAt, ...recorded]),
      linkedConfirmations: states.flatMap(({ confirmations }) => confirmations),
    };
  } catch (error) {
    parts.log.error({ err: error }, 'a revocation is decided without those linked to the person, who cannot be read');
    return own;
  }
}

async function statesOfLinked(parts: Parts, recipientId: string): Promise<readonly RecipientState[]> {
  const [, ...others] = await linkedStates(parts, [recipientId]);
  return Promise.all(others.map(async ([id, state]) => foldStored(state, await recentMessages(parts, id))));
}

/** What a cell no longer holds has been outranked by what it does, so nothing in it can outrank the opt-out. */
function newestIn(
  { grants, revocations, preferences, blocks, contacts }: RecipientState,
  recorded: readonly (Instant | undefined)[],
): Newest {
  const resumes = preferences.flatMap(({ resume }) => resume ?? []);
  const cells = [...grants, ...revocations, ...resumes, ...blocks, ...contacts].map(({ recordedAt }) => recordedAt);
  return {
    ...latestIn(
      'newestContactAt',
      contacts.map(({ occurredAt }) => occurredAt),
    ),
    ...latestIn('newestRecordedAt', [...recorded, ...cells]),
  };
}

/** A conversation that cannot be read does not hold up an opt-out. */
async function recentMessages({ store, log }: Parts, recipientId: string): Promise<readonly StoredEvent[]> {
  try {
    const options = { direction: 'backwards', limit: RECENT_MESSAGES } as const;
    return await inTime(store.readStream(`conversation-${recipientId}`, options));
  } catch (error) {
    log.error({ err: error }, 'a revocation is decided without the conversation, which cannot be read');
    return [];
  }
}

function latestIn<K extends string>(name: K, instants: readonly (Instant | undefined)[]): { [P in K]?: Instant } {
  const latest = instants.reduce((one, other) => ((other ?? '') > (one ?? '') ? other : one), undefined);
  return latest === undefined ? {} : ({ [name]: latest } as { [P in K]?: Instant });
}
