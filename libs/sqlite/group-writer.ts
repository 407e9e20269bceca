import { Worker } from 'node:worker_threads';
import { errorOf, failureOf, type Outcome, type Outcomes } from './batch.js';
import type { WriterStatus } from './guarded-writer.js';
import { Lanes, type Lane, type LaneLimits, type Waiting } from './lanes.js';
import { newSlot, Slot } from './slot.js';
import { StorageError } from './storage-error.js';
import { Wakefulness } from './wakefulness.js';
import type {
  FromWriter,
  JobCodec,
  LoneAnswer,
  LoneJob,
  Slots,
  ToWriter,
  WriterThreadData,
} from './writer-messages.js';

/** How long the event loop keeps turning for the answer to a batch: about what a write and its sync take. */
const AWAKE_MS = 0.3;

export interface GroupWriterOptions<Job, Result, Data> {
  /** The file that calls `serveGroupWriter`; see `workerUrl`. */
  readonly program: URL;
  /** Handed to the program's `open`; must survive structured cloning, as must jobs and results. */
  readonly workerData: Data;
  readonly limits?: Partial<LaneLimits>;
  /** Bytes of a job, for the limit of a batch; absent: jobs are only counted. */
  readonly sizeOf?: (job: Job) => number;
  /** The one that the program has. With it a job alone in its batch takes the short way: what the wait is felt by most. */
  readonly codec?: JobCodec<Job>;
  /**
   * Called after each batch and before anybody hears of it, e.g. to wake those who wait for new rows; also of the batch
   * under way when the thread ended, whose outcomes are then failures.
   */
  readonly onBatch?: (jobs: readonly Job[], outcomes: Outcomes<Result>) => void;
}

export interface GroupWriter<Job, Result> {
  /**
   * Resolves once the job's writes are durable. Rejects with `WriterOverloaded` where the normal lane is full, with
   * `JobFailed` where the job failed for a reason of its own, and with `StorageError` where the disk is to blame.
   */
  submit(job: Job, lane: Lane): Promise<Result>;
  status(): WriterStatus & { readonly queued: Readonly<Record<Lane, number>> };
  /** Writes what is queued, then ends the thread. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a thread that writes jobs in batches: one transaction and one sync for everything that has queued up at the
 * end of an event-loop turn; while a batch commits, the next one gathers. Resolves once the program has opened its file.
 */
export async function openGroupWriter<Job, Result, Data = unknown>(
  options: GroupWriterOptions<Job, Result, Data>,
): Promise<GroupWriter<Job, Result>> {
  const slots = { jobs: newSlot(), answers: newSlot() };
  const workerData: WriterThreadData<Data> = { own: options.workerData, ...slots };
  const worker = new Worker(options.program, { workerData });
  const opened = await firstMessage<Result>(worker);
  if (opened.is === 'opened') return new ThreadedWriter<Job, Result, Data>(worker, slots, opened.status, options);
  await worker.terminate();
  throw opened.is === 'refused' ? errorOf(opened.failure) : new Error('the writer thread answered out of turn');
}

function firstMessage<Result>(worker: Worker): Promise<FromWriter<Result>> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new StorageError('CLOSED', 'the writer thread ended before it had opened')));
  });
}

class ThreadedWriter<Job, Result, Data> implements GroupWriter<Job, Result> {
  private readonly lanes: Lanes<Job, Result>;
  private readonly jobs: Slot;
  private readonly answers: Slot;
  private inFlight: readonly Waiting<Job, Result>[] = [];
  private flushing = false;
  private awake = false;
  private readonly wakefulness = new Wakefulness();
  private closing = false;
  private readonly exited: Promise<void>;
  private ended: StorageError | undefined;

  constructor(
    private readonly worker: Worker,
    { jobs, answers }: Slots,
    private lastStatus: WriterStatus,
    private readonly options: GroupWriterOptions<Job, Result, Data>,
  ) {
    this.jobs = new Slot(jobs);
    this.answers = new Slot(answers);
    this.lanes = new Lanes(options.limits ?? {}, options.sizeOf ?? (() => 0));
    worker.on('message', (message: FromWriter<Result>) => this.hear(message));
    this.exited = new Promise((resolve) => {
      worker.on('error', (cause) => this.end(new StorageError('IO', 'the writer thread failed', { cause })));
      worker.on('exit', () => {
        this.end(new StorageError('CLOSED'));
        resolve();
      });
    });
  }

  submit(job: Job, lane: Lane): Promise<Result> {
    const refusal = this.ended ?? (this.closing ? new StorageError('CLOSED') : undefined);
    if (refusal) return Promise.reject(refusal);
    const result = this.lanes.enter(job, lane);
    this.flushSoon();
    return result;
  }

  status(): WriterStatus & { readonly queued: Readonly<Record<Lane, number>> } {
    const dead = this.ended ? { broken: true, problem: this.ended.message } : {};
    return { ...this.lastStatus, ...dead, queued: this.lanes.lengths() };
  }

  close(): Promise<void> {
    if (!this.closing) {
      this.closing = true;
      this.endWhenDone();
    }
    return this.exited;
  }

  private endWhenDone(): void {
    if (this.closing && !this.ended && this.inFlight.length === 0 && this.lanes.isEmpty()) this.post('close');
  }

  /** At the end of the turn, so that everything this turn has submitted shares one sync. */
  private flushSoon(): void {
    if (this.flushing || this.inFlight.length > 0) return;
    this.flushing = true;
    setImmediate(() => {
      this.flushing = false;
      this.flush();
    });
  }

  private flush(): void {
    const { revocation, normal } = this.lanes.takeBatch();
    this.inFlight = [...revocation, ...normal];
    const [first, second] = this.inFlight;
    if (first === undefined) return;
    if (second !== undefined || !this.putAlone(first.job, revocation.length === 1 ? 'revocation' : 'normal')) {
      this.post({ revocation: revocation.map(({ job }) => job), normal: normal.map(({ job }) => job) });
    }
    this.stayAwake();
  }

  /** False where the job has to go through the queue between the threads. */
  private putAlone(job: Job, lane: Lane): boolean {
    if (!this.options.codec) return false;
    const { head, bytes } = this.options.codec.pack(job);
    if (!this.jobs.put({ head: [lane, head] satisfies LoneJob, bytes })) return false;
    if (this.jobs.takerSleeps) this.post('look');
    return true;
  }

  /** To wake an event loop that sleeps takes longer than to let it turn; whatever else comes in is done meanwhile. */
  private stayAwake(): void {
    if (this.awake || !this.wakefulness.isWorthwhile()) return;
    this.awake = true;
    this.answers.stayAwake();
    const until = performance.now() + AWAKE_MS;
    const turn = () => {
      this.look();
      const isAnswered = this.inFlight.length === 0;
      this.awake = !isAnswered && performance.now() < until;
      if (this.awake) return void setImmediate(turn);
      this.answers.sleep();
      this.wakefulness.tell(isAnswered);
      // An answer that was put there just now was put for somebody awake, whom nothing would wake.
      this.look();
    };
    setImmediate(turn);
  }

  private look(): void {
    const parcel = this.answers.take();
    if (!parcel) return;
    const [outcome, status] = parcel.head as LoneAnswer<Result>;
    this.lastStatus = status;
    this.answer([outcome]);
  }

  private post(message: ToWriter<Job>): void {
    this.worker.postMessage(message);
  }

  private hear(message: FromWriter<Result>): void {
    if (message.is === 'refused') return;
    if (message.is === 'look') return this.look();
    this.lastStatus = message.status;
    if (message.is === 'done') this.answer(message.outcomes);
  }

  private answer(outcomes: Outcomes<Result>): void {
    const answered = this.inFlight;
    this.inFlight = [];
    this.tell(answered, outcomes);
    outcomes.forEach((outcome, index) => settle(answered[index], outcome));
    if (!this.lanes.isEmpty()) this.flushSoon();
    this.endWhenDone();
  }

  private tell(batch: readonly Waiting<Job, Result>[], outcomes: Outcomes<Result>): void {
    this.options.onBatch?.(
      batch.map(({ job }) => job),
      outcomes,
    );
  }

  private end(error: StorageError): void {
    this.ended ??= error;
    const cutOff = this.inFlight;
    this.inFlight = [];
    const failure = failureOf(this.ended);
    if (cutOff.length > 0)
      this.tell(
        cutOff,
        cutOff.map(() => ({ failure })),
      );
    for (const waiting of [...cutOff, ...this.lanes.takeAll()]) waiting.reject(this.ended);
  }
}

function settle<Job, Result>(waiting: Waiting<Job, Result> | undefined, outcome: Outcome<Result>): void {
  if ('result' in outcome) waiting?.resolve(outcome.result);
  else waiting?.reject(errorOf(outcome.failure));
}
