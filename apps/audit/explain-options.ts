import { CHANNELS, isOneOf, purposeOf, senderOf } from '#consent';
import { isRecipientId } from '#vault';
import type { BusinessRow } from '#view';
import { ADDRESS_OPTIONS } from './address.js';
import { UsageError } from './failures.js';
import { PLACE_OPTIONS } from './ledger.js';
import { requireOne, type Given } from './options.js';
import { RESULT_OPTIONS } from './result.js';
import { STORY_FORMATS } from './story-formats.js';

export const EXPLAIN_OPTIONS = {
  ...PLACE_OPTIONS,
  ...ADDRESS_OPTIONS,
  recipient: { value: 'ID', help: 'the recipient by its id' },
  channel: { value: 'NAME', help: CHANNELS.join(', ') },
  purpose: { value: 'ID', help: 'a purpose that the business has registered, or service,\nor opt_out_confirmation' },
  sender: { value: 'ID', help: 'the sender of the business that would write' },
  at: { value: 'TIME', help: 'give the last answer as of then instead of now' },
  ...RESULT_OPTIONS,
  format: { value: STORY_FORMATS.join('|'), help: 'default: table on a terminal, else ndjson' },
} as const;

export type ExplainOption = keyof typeof EXPLAIN_OPTIONS;

/** What can be checked before the ledger is opened. Throws `UsageError`, as does the next. */
export function checkExplain(given: Given<ExplainOption>): void {
  requireOne(given, 'business', 'say whose recipient it is');
  const channel = requireOne(given, 'channel', `it is one of ${CHANNELS.join(', ')}`);
  if (!isOneOf(CHANNELS, channel)) throw new UsageError(`--channel is one of ${CHANNELS.join(', ')}`);
  requireOne(given, 'purpose', 'say what the message would be for');
  const named = given.one('recipient');
  if (named !== undefined && given.has('address')) throw new UsageError('--recipient and --address: give one of them');
  if (named !== undefined && !isRecipientId(named)) {
    throw new UsageError('--recipient needs the 43 characters of a recipient id; for an address leave it away');
  }
}

/** A word that the register never knew is a slip of the keyboard, and no story explains it. */
export function checkTopic(given: Given<ExplainOption>, { state }: BusinessRow): void {
  if (state.unreadable) return;
  if (!purposeOf(state, given.one('purpose') ?? '')) {
    throw new UsageError('--purpose: the business never registered it; a replay of its business- stream lists them');
  }
  const sender = given.one('sender');
  if (sender !== undefined && senderOf(state, sender)?.channel !== given.one('channel')) {
    throw new UsageError(
      '--sender: the business has no such sender on this channel; a replay of its stream lists them',
    );
  }
}
