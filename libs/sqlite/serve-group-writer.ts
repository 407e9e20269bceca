import { isDeepStrictEqual } from 'node:util';
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import { failureOf, type Batch, type Outcome, type WriterProgram } from './batch.js';
import { GuardedWriter, type WriterStatus } from './guarded-writer.js';
import { Slot } from './slot.js';
import { Wakefulness } from './wakefulness.js';
import type {
  FromWriter,
  JobCodec,
  LoneJob,
  LoneAnswer,
  Slots,
  ToWriter,
  WriterThreadData,
} from './writer-messages.js';

const IDLE_MS = 1_000;

/** How long the thread looks for the next batch before it sleeps: a lone writer's next append comes within it. */
const AWAKE_MS = 0.15;

export interface ServedProgram<Data, Job, Result> {
  open(data: Data): WriterProgram<Job, Result>;
  /** The one that the other side has; absent: every job goes through the queue between the threads. */
  readonly codec?: JobCodec<Job>;
}

/** Called once by the program file of a writer thread: opens its database and serves batches until it is told to close. */
export function serveGroupWriter<Data, Job, Result>(program: ServedProgram<Data, Job, Result>): void {
  const port = parentPort;
  if (!port) throw new Error('a writer program runs in a worker thread only');
  const { own, ...slots } = workerData as WriterThreadData<Data>;
  try {
    new WriterThread(port, new GuardedWriter(program.open(own)), slots, program.codec).serve();
  } catch (error) {
    port.postMessage({ is: 'refused', failure: failureOf(error) } satisfies FromWriter<Result>);
  }
}

class WriterThread<Job, Result> {
  private readonly jobs: Slot;
  private readonly answers: Slot;
  private readonly wakefulness = new Wakefulness();
  private told: WriterStatus;
  private idling: NodeJS.Timeout | undefined;

  constructor(
    private readonly port: MessagePort,
    private readonly writer: GuardedWriter<Job, Result>,
    { jobs, answers }: Slots,
    private readonly codec: JobCodec<Job> | undefined,
  ) {
    this.jobs = new Slot(jobs);
    this.answers = new Slot(answers);
    this.told = writer.status();
  }

  serve(): void {
    this.tell({ is: 'opened', status: this.told });
    this.idling = setInterval(() => this.idle(), IDLE_MS);
    this.port.on('message', (message: ToWriter<Job>) => {
      for (let next: ToWriter<Job> | undefined = message; next !== undefined; next = this.nextSoon()) {
        if (next === 'close') return this.close();
        this.hear(next);
      }
    });
  }

  private idle(): void {
    this.writer.idle();
    const status = this.writer.status();
    if (isDeepStrictEqual(this.told, status)) return;
    this.told = status;
    this.tell({ is: 'status', status });
  }

  private hear(message: Batch<Job> | 'look'): void {
    if (message !== 'look') return this.write(message);
    const parcel = this.codec && this.jobs.take();
    if (this.codec === undefined || parcel === undefined) return;
    const [lane, head] = parcel.head as LoneJob;
    this.writeAlone({ revocation: [], normal: [], [lane]: [this.codec.unpack({ head, bytes: parcel.bytes })] });
  }

  private write(batch: Batch<Job>): void {
    const outcomes = this.writer.write(batch);
    this.told = this.writer.status();
    this.tell({ is: 'done', outcomes, status: this.told });
    this.writer.tidy();
  }

  private writeAlone(batch: Batch<Job>): void {
    const [outcome] = this.writer.write(batch) as [Outcome<Result>];
    this.told = this.writer.status();
    const isPut = this.answers.put({ head: [outcome, this.told] satisfies LoneAnswer<Result> });
    if (!isPut) this.tell({ is: 'done', outcomes: [outcome], status: this.told });
    else if (this.answers.takerSleeps) this.tell({ is: 'look' });
    this.writer.tidy();
  }

  /** To wake a thread that sleeps takes a good part of what a sync takes, so it stays awake for a moment. */
  private nextSoon(): ToWriter<Job> | undefined {
    if (!this.wakefulness.isWorthwhile()) return undefined;
    this.jobs.stayAwake();
    const found = this.awaitNext();
    this.jobs.sleep();
    this.wakefulness.tell(found !== undefined);
    // A job that was put there just now was put for somebody awake, whom nothing would wake.
    return found ?? (this.jobs.isFull ? 'look' : undefined);
  }

  private awaitNext(): ToWriter<Job> | undefined {
    const until = performance.now() + AWAKE_MS;
    do {
      if (this.jobs.isFull) return 'look';
      const received = receiveMessageOnPort(this.port) as { readonly message: ToWriter<Job> } | undefined;
      if (received) return received.message;
    } while (performance.now() < until);
    return undefined;
  }

  private tell(message: FromWriter<Result>): void {
    this.port.postMessage(message);
  }

  private close(): void {
    clearInterval(this.idling);
    this.port.close();
    void this.writer.close();
  }
}
