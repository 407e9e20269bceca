import type { Basis } from '#consent';
import { haveSameFrame, haveSameWords, type Frame, type Words } from '#grpc-messages';
import type { Problem } from '#platform';
import type { Decision } from '../queries/check-eligibility.js';

export type BatchResult = { readonly ref?: unknown } & ({ readonly decision: Decision } | { readonly error: Problem });

/** Room for a decision as it usually is; more is made where one is longer. */
const RESULT_BYTES = 1_024;
/** The most bytes that UTF-8 takes for one unit of a string. */
const BYTES_PER_UNIT = 3;

/**
 * The very text that `JSON.stringify` makes of a decision, at a fifth of its cost: of a batch that is the largest part.
 * What is quoted here as it stands consists of words, ids and instants of our own; everything else is escaped.
 */
export function decisionJson(decision: Decision): string {
  return `{${membersOf(decision)}}`;
}

/** The answer to a batch, written piece by piece: one long text would have to be copied twice. */
export function batchJson(position: string | undefined, results: readonly BatchResult[]): Buffer {
  const text = new TextBuffer(results.length * RESULT_BYTES);
  text.add(position === undefined ? '{"results":[' : `{"position":${JSON.stringify(position)},"results":[`);
  results.forEach((result, index) => text.add(`${index === 0 ? '' : ','}${resultJson(result)}`));
  text.add(']}');
  return text.bytes();
}

/** The same results, a line each. */
export function linesJson(results: readonly BatchResult[]): Buffer {
  const text = new TextBuffer(results.length * RESULT_BYTES);
  for (const result of results) text.add(`${resultJson(result)}\n`);
  return text.bytes();
}

function resultJson(result: BatchResult): string {
  const ref = result.ref === undefined ? '' : `"ref":${JSON.stringify(result.ref)},`;
  return 'error' in result
    ? `{${ref}"error":${JSON.stringify(result.error)}}`
    : `{${ref}${membersOf(result.decision)}}`;
}

function membersOf(decision: Decision): string {
  const { basis, validUntil, windowOpenUntil, retryAfterMs } = decision;
  const words = wordsOf(decision);
  let text = `${words.before}${decision.recipientId}${words.after}${frameOf(decision)}`;
  if (basis) text += `,"basis":{${basisMembers(basis)}}`;
  if (validUntil !== undefined) text += `,"validUntil":"${validUntil}"`;
  if (windowOpenUntil !== undefined) text += `,"windowOpenUntil":"${windowOpenUntil}"`;
  if (retryAfterMs !== undefined) text += `,"retryAfterMs":${retryAfterMs}`;
  return text;
}

/** A linked recipient's stream is named as the link names it, and a disclosure as the event does: those may be any text. */
function basisMembers({ eventId, type, stream, revision, occurredAt, recordedAt, method, disclosure }: Basis): string {
  let text =
    `"eventId":"${eventId}","type":"${type}","stream":${quoted(stream)},"revision":"${revision}",` +
    `"occurredAt":"${occurredAt}","recordedAt":"${recordedAt}"`;
  if (method !== undefined) text += `,"method":"${method}"`;
  if (disclosure) text += `,"disclosure":{"id":${quoted(disclosure.id)},"version":${disclosure.version}}`;
  return text;
}

/** Nothing in it has to be escaped. */
const PLAIN = /^[\w.-]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** The members up to the recipient's id, and those behind it. */
type WrittenWords = Words & { readonly before: string; readonly after: string };
type WrittenFrame = Frame & { readonly members: string };

/** The last of each reason: there are few, and an audience is asked about one topic. What they share is written once. */
const lastWords = new Map<string, WrittenWords>();
let lastFrame: WrittenFrame | undefined;

function wordsOf(decision: Decision): WrittenWords {
  const known = lastWords.get(decision.reason);
  if (known && haveSameWords(known, decision)) return known;
  const { eligible, reason, explanation, channel, purpose, category } = decision;
  const before = `"eligible":${eligible},"reason":"${reason}","explanation":${JSON.stringify(explanation)},"recipientId":"`;
  const after = `","channel":"${channel}","purpose":${JSON.stringify(purpose)},"category":"${category}",`;
  const words = { eligible, reason, explanation, channel, purpose, category, before, after };
  lastWords.set(reason, words);
  return words;
}

function frameOf(decision: Decision): string {
  if (lastFrame && haveSameFrame(lastFrame, decision)) return lastFrame.members;
  const { position, decidedAt, policyVersion, rulesVersion } = decision;
  const members =
    `"position":"${position}","decidedAt":"${decidedAt}",` +
    `"policyVersion":"${policyVersion}","rulesVersion":"${rulesVersion}"`;
  lastFrame = { position, decidedAt, policyVersion, rulesVersion, members };
  return members;
}

class TextBuffer {
  private buffer: Buffer;
  private length = 0;

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafe(bytes + RESULT_BYTES);
  }

  add(text: string): void {
    const most = this.length + text.length * BYTES_PER_UNIT;
    if (most > this.buffer.length) this.buffer = Buffer.concat([this.bytes()], 2 * most);
    this.length += this.buffer.write(text, this.length);
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}
