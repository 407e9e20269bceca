import type { Basis } from '#consent';
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
  const { eligible, reason, explanation, recipientId, channel, purpose, category } = decision;
  const { basis, validUntil, windowOpenUntil, retryAfterMs } = decision;
  let text =
    `"eligible":${eligible},"reason":"${reason}","explanation":${JSON.stringify(explanation)},` +
    `"recipientId":"${recipientId}","channel":"${channel}","purpose":${JSON.stringify(purpose)},"category":"${category}",` +
    `"position":"${decision.position}","decidedAt":"${decision.decidedAt}",` +
    `"policyVersion":"${decision.policyVersion}","rulesVersion":"${decision.rulesVersion}"`;
  if (basis) text += `,"basis":{${basisMembers(basis)}}`;
  if (validUntil !== undefined) text += `,"validUntil":"${validUntil}"`;
  if (windowOpenUntil !== undefined) text += `,"windowOpenUntil":"${windowOpenUntil}"`;
  if (retryAfterMs !== undefined) text += `,"retryAfterMs":${retryAfterMs}`;
  return text;
}

/** A linked recipient's stream is named as the link names it, and a disclosure as the event does: those may be any text. */
function basisMembers({ eventId, type, stream, revision, occurredAt, recordedAt, method, disclosure }: Basis): string {
  let text =
    `"eventId":"${eventId}","type":"${type}","stream":${JSON.stringify(stream)},"revision":"${revision}",` +
    `"occurredAt":"${occurredAt}","recordedAt":"${recordedAt}"`;
  if (method !== undefined) text += `,"method":"${method}"`;
  if (disclosure) text += `,"disclosure":{"id":${JSON.stringify(disclosure.id)},"version":${disclosure.version}}`;
  return text;
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
