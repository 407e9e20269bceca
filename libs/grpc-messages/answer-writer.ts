import { encoded, ProtoWriter } from '#protobuf';
import { PROBLEM, type Basis, type Decision } from './decision.js';
import { haveSameFrame, haveSameWords, type Frame, type Words } from './decision-parts.js';
import type { CheckResult } from './eligibility.js';
import { writeInstant } from './instant.js';

/** A decision, and a basis inside it, usually takes between 128 and 16,383 bytes: its length then takes two. */
const LENGTH_BYTES = 2;

/** `CheckResponse`. */
export function encodeCheckResponse(decision: Decision): Buffer {
  return encoded((writer) => {
    const start = writer.open(1, LENGTH_BYTES);
    writeDecision(writer, decision);
    writer.close(start, LENGTH_BYTES);
  });
}

/** `CheckBatchResponse` and `FilterResponse`, which are the same bytes. */
export function encodeAnswers(position: string, results: readonly CheckResult[]): Buffer {
  return encoded((writer) => {
    if (position !== '') writer.string(1, position);
    for (const result of results) writeResult(writer, result);
  });
}

function writeResult(writer: ProtoWriter, { ref, decision, error }: CheckResult): void {
  const start = writer.open(2, LENGTH_BYTES);
  if (ref) writer.string(1, ref);
  if (decision) {
    const inner = writer.open(2, LENGTH_BYTES);
    writeDecision(writer, decision);
    writer.close(inner, LENGTH_BYTES);
  } else if (error) {
    writer.message(3, (problem) => PROBLEM.write(problem, error));
  }
  writer.close(start, LENGTH_BYTES);
}

/**
 * What `DECISION` writes, at a part of its cost: of a stream of checks that would be the largest. Decisions of one
 * message say nearly the same, so what they share is encoded once and then copied.
 */
function writeDecision(writer: ProtoWriter, decision: Decision): void {
  writer.fields(wordsOf(decision)).string(4, decision.recipientId);
  const { basis, validUntil, windowOpenUntil, retryAfterMs } = decision;
  if (basis) writeBasis(writer, basis);
  if (validUntil !== undefined) writeInstant(writer, 9, validUntil);
  if (windowOpenUntil !== undefined) writeInstant(writer, 10, windowOpenUntil);
  if (retryAfterMs !== undefined) writer.uint(11, retryAfterMs);
  writer.fields(frameOf(decision));
}

function writeBasis(writer: ProtoWriter, basis: Basis): void {
  const start = writer.open(8, LENGTH_BYTES);
  writer.string(1, basis.eventId).string(2, basis.type).string(3, basis.stream).string(4, basis.revision);
  writeInstant(writer, 5, basis.occurredAt);
  writeInstant(writer, 6, basis.recordedAt);
  if (basis.method !== undefined) writer.string(7, basis.method);
  const { disclosure } = basis;
  if (disclosure) writer.message(8, (inner) => inner.string(1, disclosure.id).uint(2, disclosure.version));
  writer.close(start, LENGTH_BYTES);
}

/** The last of each reason: there are few, and an audience is asked about one topic. */
const lastWords = new Map<string, Words & { readonly bytes: Buffer }>();
let lastFrame: (Frame & { readonly bytes: Buffer }) | undefined;
/** Parts are made in the midst of a message, for which the other writer is in use. */
const partWriter = new ProtoWriter();

function wordsOf(decision: Decision): Buffer {
  const known = lastWords.get(decision.reason);
  if (known && haveSameWords(known, decision)) return known.bytes;
  const { eligible, reason, explanation, channel, purpose, category } = decision;
  partWriter.restart();
  if (eligible) partWriter.bool(1, true);
  partWriter.string(2, reason).string(3, explanation).string(5, channel).string(6, purpose).string(7, category);
  const bytes = partWriter.take();
  lastWords.set(reason, { eligible, reason, explanation, channel, purpose, category, bytes });
  return bytes;
}

function frameOf(decision: Decision): Buffer {
  if (lastFrame && haveSameFrame(lastFrame, decision)) return lastFrame.bytes;
  const { position, decidedAt, policyVersion, rulesVersion } = decision;
  partWriter.restart();
  partWriter.string(12, position);
  writeInstant(partWriter, 13, decidedAt);
  const bytes = partWriter.string(14, policyVersion).string(15, rulesVersion).take();
  lastFrame = { position, decidedAt, policyVersion, rulesVersion, bytes };
  return bytes;
}
