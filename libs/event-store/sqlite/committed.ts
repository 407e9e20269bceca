import type { Outcome, Outcomes } from '#sqlite';
import { unpackEvents, type AppendJob, type AppendResult } from './append-job.js';
import type { Tail } from './tail.js';

/** Puts the events of a batch that was written at the end in memory, as the file gives them. */
export function keepCommitted(
  tail: Tail,
  ledgerId: string,
  jobs: readonly AppendJob[],
  outcomes: Outcomes<AppendResult>,
): void {
  outcomes.forEach((outcome, index) => keep(tail, ledgerId, jobs[index] as AppendJob, outcome));
}

/** What became of a write that failed on the disk is not known here: the file may hold it. */
function keep(tail: Tail, ledgerId: string, job: AppendJob, outcome: Outcome<AppendResult>): void {
  if ('failure' in outcome) return tail.clear();
  if ('conflictAt' in outcome.result) return;
  const { revision, n, replayed } = outcome.result;
  if (replayed) return tail.clearBefore(n);
  const [first, firstRevision] = [n - job.events.length + 1, revision - job.events.length + 1];
  const events = unpackEvents(job).map(({ id, type, data, metadata }, index) => ({
    id: id.toLowerCase(),
    type,
    data,
    metadata,
    stream: job.stream,
    revision: String(firstRevision + index),
    position: `${ledgerId}.${first + index}`,
  }));
  tail.add(first, events);
}
