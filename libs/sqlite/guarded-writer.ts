import { failureOf, runBatch, type Batch, type Outcomes, type WriterProgram } from './batch.js';
import { storageErrorOf, type StorageError } from './storage-error.js';

/** What health should know of a writer. */
export interface WriterStatus {
  /** What is wrong with the disk, in plain words; absent: nothing known. */
  readonly problem?: string;
  /** True once a sync has failed: nothing is written until the file is opened anew. */
  readonly broken: boolean;
  /** The program's own `status()`. */
  readonly details: unknown;
}

/**
 * Keeps a program from writing after a failed sync, be it a commit's or a checkpoint's, revocations included: the
 * kernel may have dropped pages that it still shows as written, so a later success would prove nothing. Opening the
 * file anew does, because the log is then moved and synced again.
 */
export class GuardedWriter<Job, Result> {
  private broken: StorageError | undefined;
  private problem: string | undefined;

  constructor(private readonly program: WriterProgram<Job, Result>) {}

  write(batch: Batch<Job>): Outcomes<Result> {
    this.hear();
    if (this.broken) return this.refuseAll(batch, this.broken);
    return runBatch(this.program, batch, (error) => this.note(error));
  }

  /** What is left to do after a batch; nobody has to wait for it. */
  tidy(): void {
    if (!this.broken) this.attempt(() => this.program.committed?.());
  }

  idle(): void {
    this.hear();
    if (!this.broken) this.attempt(() => this.program.idle?.());
    if (!this.broken && this.problem !== undefined) this.attempt(() => this.probe());
  }

  status(): WriterStatus {
    const status = { broken: this.broken !== undefined, details: this.program.status?.() };
    return this.problem === undefined ? status : { ...status, problem: this.problem };
  }

  async close(): Promise<void> {
    await this.program.close();
  }

  /** Whoever hears that nothing can be written sends nothing to write, so that no job would ever tell that it can. */
  private probe(): void {
    const { program } = this;
    if (!program.probe || program.refusal?.() !== undefined) return;
    try {
      program.transaction.begin();
      program.probe();
      program.transaction.commit();
      this.problem = undefined;
    } catch (error) {
      program.transaction.rollback();
      throw error;
    }
  }

  private hear(): void {
    if (!this.broken) this.attempt(() => this.program.throwIfFailed?.());
  }

  /** Of what is done beside the jobs only a failed sync matters to them; anything but a disk error is a defect. */
  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (storageErrorOf(error) === undefined) throw error;
      this.note(error);
    }
  }

  private note(error: unknown): void {
    const storage = storageErrorOf(error);
    this.problem = storage?.message;
    if (storage?.problem === 'SYNC_FAILED') this.broken = storage;
  }

  private refuseAll({ revocation, normal }: Batch<Job>, error: StorageError): Outcomes<Result> {
    return [...revocation, ...normal].map(() => ({ failure: failureOf(error) }));
  }
}
