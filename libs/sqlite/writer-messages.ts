/** What passes between a group writer and its thread. */
import type { Batch, Failure, Outcome, Outcomes } from './batch.js';
import type { WriterStatus } from './guarded-writer.js';
import type { Lane } from './lanes.js';
import type { Parcel, SharedSlot } from './slot.js';

/** `look`: what is meant stands in the slot. */
export type ToWriter<Job> = Batch<Job> | 'look' | 'close';

export type FromWriter<Result> =
  | { readonly is: 'opened'; readonly status: WriterStatus }
  | { readonly is: 'refused'; readonly failure: Failure }
  | { readonly is: 'done'; readonly outcomes: Outcomes<Result>; readonly status: WriterStatus }
  | { readonly is: 'status'; readonly status: WriterStatus }
  | { readonly is: 'look' };

/** How a job that is alone in its batch passes through a slot. Its result must survive JSON. */
export interface JobCodec<Job> {
  pack(job: Job): Parcel;
  /** Of what `pack` made, its head after JSON. */
  unpack(parcel: Parcel): Job;
}

/** Head of a lone job in its slot: the lane, and what the codec made of the job. */
export type LoneJob = readonly [lane: Lane, head: unknown];

/** Head of the answer to a lone job in its slot. */
export type LoneAnswer<Result> = readonly [outcome: Outcome<Result>, status: WriterStatus];

export interface Slots {
  readonly jobs: SharedSlot;
  readonly answers: SharedSlot;
}

export interface WriterThreadData<Data> extends Slots {
  /** What the program's `open` is given. */
  readonly own: Data;
}
