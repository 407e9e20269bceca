import {
  StorageError,
  codeOf,
  isFailedRead,
  isForWantOfRoom,
  storageErrorOf,
  type StorageProblem,
} from './storage-error.js';
import type { TransactionControl } from './transaction.js';

/** What a writer thread does with its jobs; all of it runs on that thread alone. */
export interface WriterProgram<Job, Result> {
  readonly transaction: TransactionControl;
  /** Writes one job inside the open transaction. What it throws fails this job alone, and its writes are undone. */
  run(job: Job): Result;
  /** Why jobs of the normal lane are not to be written now; undefined: they may. */
  refusal?(): StorageError | undefined;
  /** Gives up a reserve of disk for waiting revocations. False where there is none left to give. */
  makeRoom?(): boolean;
  /** After each batch has been answered, e.g. to move the log into the database. A failed sync closes the writer to jobs. */
  committed?(): void;
  /** Throws what has gone wrong beside the jobs since it was last asked: before each batch, and every second. */
  throwIfFailed?(): void;
  /** Every second in which the thread has nothing else to do. */
  idle?(): void;
  /** Writes, inside the open transaction, what changes nothing: whether the disk takes writes again after it did not. */
  probe?(): void;
  /** What health should know; handed to the main side with every answer and whenever it changes. */
  status?(): unknown;
  close(): void | Promise<void>;
}

export interface Batch<Job> {
  /** Written first. */
  readonly revocation: readonly Job[];
  readonly normal: readonly Job[];
}

/** An error that can pass between threads. */
export interface Failure {
  readonly problem?: StorageProblem;
  readonly code?: string;
  readonly message: string;
}

export type Outcome<Result> = { readonly result: Result } | { readonly failure: Failure };

/** One outcome per job, revocations first, in the order given. */
export type Outcomes<Result> = Outcome<Result>[];

/**
 * Writes a batch as one transaction with one sync. Where the disk is full, the normal jobs fail and the revocations
 * are tried again with the reserve given up. Where what failed may be one job's alone, as a damaged page is, each job is
 * written by itself. `note` is told of every commit: the error it met, or undefined.
 */
export function runBatch<Job, Result>(
  program: WriterProgram<Job, Result>,
  { revocation, normal }: Batch<Job>,
  note: (error: unknown) => void,
): Outcomes<Result> {
  const refusal = normal.length > 0 ? refusalOf(program) : undefined;
  const admitted = refusal ? [] : normal;
  const refused = normal.slice(admitted.length).map(() => failed<Result>(refusal));
  const jobs = [...revocation, ...admitted];
  try {
    return [...commitTogether(program, jobs, note), ...refused];
  } catch (error) {
    if (jobs.length > 1 && mayBeOneJobs(error)) {
      return [...runEach(program, { revocation, normal: admitted }, note), ...refused];
    }
    const rest = admitted.map(() => failed<Result>(error));
    return [...retryRevocations(program, revocation, error, note), ...rest, ...refused];
  }
}

/**
 * Each job as a batch of its own, so that none fails for the page that another met; a normal one is refused where room
 * was given up for a revocation before it. After a failed sync nothing is written, so the rest fails with it.
 */
function runEach<Job, Result>(
  program: WriterProgram<Job, Result>,
  { revocation, normal }: Batch<Job>,
  note: (error: unknown) => void,
): Outcomes<Result> {
  const alone: Batch<Job>[] = [
    ...revocation.map((job) => ({ revocation: [job], normal: [] })),
    ...normal.map((job) => ({ revocation: [], normal: [job] })),
  ];
  let lost: StorageError | undefined;
  const noteLoss = (error: unknown) => {
    const storage = storageErrorOf(error);
    if (storage?.problem === 'SYNC_FAILED') lost = storage;
    note(error);
  };
  return alone.flatMap((batch) => (lost ? [failed<Result>(lost)] : runBatch(program, batch, noteLoss)));
}

/** A disk that will not even say how full it is refuses the normal lane; the thread must live on for revocations. */
function refusalOf<Job, Result>(program: WriterProgram<Job, Result>): StorageError | undefined {
  try {
    return program.refusal?.();
  } catch (error) {
    return storageErrorOf(error) ?? new StorageError('IO', 'the disk cannot be looked at', { cause: error });
  }
}

/** The reserve that cannot be given up is as good as none. */
function roomMade<Job, Result>(program: WriterProgram<Job, Result>): boolean {
  try {
    return program.makeRoom?.() === true;
  } catch {
    return false;
  }
}

/** Tries again while the disk may be full and there is room to give up; what is left of the failure is every job's. */
function retryRevocations<Job, Result>(
  program: WriterProgram<Job, Result>,
  jobs: readonly Job[],
  cause: unknown,
  note: (error: unknown) => void,
): Outcomes<Result> {
  const retry = jobs.length > 0 && isForWantOfRoom(cause) && roomMade(program);
  return retry ? runBatch(program, { revocation: jobs, normal: [] }, note) : jobs.map(() => failed<Result>(cause));
}

/** What a job reads is its own; what could not be written was to be written for all of them. */
function mayBeOneJobs(cause: unknown): boolean {
  return storageErrorOf(cause)?.problem === 'CORRUPT' || isFailedRead(cause);
}

function commitTogether<Job, Result>(
  program: WriterProgram<Job, Result>,
  jobs: readonly Job[],
  note: (error: unknown) => void,
): Outcomes<Result> {
  if (jobs.length === 0) return [];
  const { transaction } = program;
  try {
    transaction.begin();
    const outcomes = jobs.length === 1 ? [runOnly(program, jobs[0] as Job)] : jobs.map((job) => runAlone(program, job));
    transaction.commit();
    note(undefined);
    return outcomes;
  } catch (error) {
    note(error);
    transaction.rollback();
    throw error;
  }
}

/** A batch of one needs no mark to be undone to: the transaction itself is one. */
function runOnly<Job, Result>(program: WriterProgram<Job, Result>, job: Job): Outcome<Result> {
  const { transaction } = program;
  try {
    return { result: program.run(job) };
  } catch (error) {
    if (storageErrorOf(error) !== undefined) throw error;
    transaction.rollback();
    transaction.begin();
    return failed(error);
  }
}

function runAlone<Job, Result>(program: WriterProgram<Job, Result>, job: Job): Outcome<Result> {
  const { transaction } = program;
  transaction.mark();
  try {
    const result = program.run(job);
    transaction.keep();
    return { result };
  } catch (error) {
    if (storageErrorOf(error) !== undefined) throw error;
    transaction.undo();
    return failed(error);
  }
}

function failed<Result>(error: unknown): Outcome<Result> {
  return { failure: failureOf(error) };
}

export function failureOf(error: unknown): Failure {
  const storage = storageErrorOf(error);
  if (storage) return { problem: storage.problem, message: storage.message };
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  return code === '' ? { message } : { code, message };
}

/** A job that failed for a reason of its own, as the writer thread told it. */
export class JobFailed extends Error {
  constructor(
    message: string,
    /** The `code` of the error that the program threw. */
    readonly code: string | undefined,
  ) {
    super(message);
  }
}

export function errorOf({ problem, code, message }: Failure): Error {
  return problem === undefined ? new JobFailed(message, code) : new StorageError(problem, message);
}
