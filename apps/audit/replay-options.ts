import { readClaimedTime, type Instant } from '#consent';
import { isPosition, type Position } from '#event-store';
import { isRecipientId } from '#vault';
import { ADDRESS_OPTIONS } from './address.js';
import { UsageError } from './failures.js';
import { FORMATS } from './formats.js';
import { PLACE_OPTIONS } from './ledger.js';
import type { Given } from './options.js';
import { RESULT_OPTIONS } from './result.js';
import type { ShownEvent } from './shown.js';

const TIME = 'TIME';

export const REPLAY_OPTIONS = {
  ...PLACE_OPTIONS,
  stream: { value: 'NAME', many: true, help: 'only this stream; may be repeated' },
  recipient: { value: 'ID', many: true, help: 'only the two streams of this recipient; may be repeated' },
  ...ADDRESS_OPTIONS,
  type: { value: 'NAME', many: true, help: 'only events of this type; may be repeated' },
  since: { value: TIME, help: 'recorded then or later: when the ledger heard.\nA day alone is its start in UTC' },
  until: { value: TIME, help: 'recorded before then' },
  'occurred-since': { value: TIME, help: 'the person acted then or later, as it counts' },
  'occurred-until': { value: TIME, help: 'the person acted before then' },
  after: { value: 'POSITION', help: 'only what stands behind this position of the same ledger' },
  ...RESULT_OPTIONS,
  format: { value: FORMATS.join('|'), help: 'default: table on a terminal, else ndjson' },
} as const;

export type ReplayOption = keyof typeof REPLAY_OPTIONS;

/** Which events are replayed: of which streams (absent: all), behind which position, and which of those. */
export interface Selection {
  readonly streams?: readonly string[];
  readonly after?: Position;
  readonly wants: (event: ShownEvent) => boolean;
}

/** `recipientId` is whom the address names, where one was asked for. Throws `UsageError`. */
export function readSelection(given: Given<ReplayOption>, ledgerId: string, recipientId?: string): Selection {
  const recipients = [...given.all('recipient'), ...(recipientId === undefined ? [] : [recipientId])];
  const streams = [...given.all('stream'), ...recipients.flatMap(streamsOf)];
  const after = readPosition(given, ledgerId);
  const types = new Set(given.all('type'));
  const recorded = readSpan(given, 'since', 'until');
  const occurred = readSpan(given, 'occurred-since', 'occurred-until');
  return {
    ...(streams.length === 0 ? {} : { streams }),
    ...(after === undefined ? {} : { after }),
    wants: ({ stored, recordedAt, occurredAt }) =>
      (types.size === 0 || types.has(stored.type)) && recorded(recordedAt) && occurred(occurredAt),
  };
}

function streamsOf(recipientId: string): readonly string[] {
  return [`consent-${recipientId}`, `conversation-${recipientId}`];
}

/** What can be checked before the ledger is opened. Throws `UsageError`. */
export function checkReplay(given: Given<ReplayOption>): void {
  if (given.has('business') && !given.has('address')) {
    throw new UsageError(
      '--business goes with --address only; for the register of a business give --stream=business-ID',
    );
  }
  if (given.all('recipient').every(isRecipientId)) return;
  throw new UsageError('--recipient needs the 43 characters of a recipient id; for an address give --address instead');
}

function readPosition(given: Given<ReplayOption>, ledgerId: string): Position | undefined {
  const after = given.one('after');
  if (after === undefined) return undefined;
  if (!isPosition(after)) throw new UsageError('--after needs a position, as a replay prints them');
  if (!after.startsWith(`${ledgerId}.`)) throw new UsageError('--after is a position of another ledger: leave it away');
  return after;
}

/** An event that does not say its time readably may lie in any span: it is shown rather than left out in silence. */
function readSpan(given: Given<ReplayOption>, sinceName: ReplayOption, untilName: ReplayOption) {
  const [since, until] = [readTime(given, sinceName), readTime(given, untilName)];
  if (since !== undefined && until !== undefined && until <= since) {
    throw new UsageError(`--${untilName} is not later than --${sinceName}: nothing can lie between them`);
  }
  return (instant: Instant | undefined): boolean =>
    instant === undefined || ((since === undefined || instant >= since) && (until === undefined || instant < until));
}

export function readTime<N extends string>(given: Given<N>, name: N): Instant | undefined {
  const claim = readClaimedTime(given.one(name));
  switch (claim.precision) {
    case 'instant':
    case 'second':
    case 'day':
      return claim.at;
    case 'none':
      return undefined;
    case 'unreadable':
      throw new UsageError(`--${name} needs a time with its offset, as 2026-05-04T12:00:00Z, or a day, as 2026-05-04`);
  }
}
