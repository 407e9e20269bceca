import type { IncomingMessage, ServerResponse } from 'node:http';
import { problemOf, type Refusal } from '#platform';
import { LineCutter, type Line } from './lines.js';
import { drained, endInTime } from './long-answer.js';

export interface LineAnswers {
  /** How many lines have been answered. */
  readonly answered: number;
  answers(lines: readonly Line[]): AsyncIterable<Buffer>;
}

/**
 * Answers lines with lines for as long as they come. Nothing is read while the caller does not take what was answered,
 * so it needs the memory of some lines, however many there are.
 */
export class AnswerLines {
  private readonly over = new AbortController();
  private reason: Refusal | undefined;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly cutter: LineCutter,
    /** The `instance` of the problem that ends it. */
    private readonly instance: string,
  ) {}

  /** Ends it, whatever it is doing; its last line says why. */
  endWith(reason: Refusal): void {
    this.reason ??= reason;
    this.over.abort();
  }

  /** Resolves when it has ended; rejects where `work` does. */
  async exchange(work: LineAnswers): Promise<void> {
    for (let chunk = await this.chunk(); chunk; chunk = await this.chunk()) {
      await this.answer(work, this.cutter.cut(chunk));
    }
    if (this.request.complete) await this.answer(work, this.cutter.end());
  }

  /** Whatever has not been answered was not decided: the caller sends it again. */
  end(answered: number): void {
    if (this.response.destroyed) return;
    const { reason } = this;
    if (reason) this.response.write(`${JSON.stringify({ error: problemOf(reason, this.instance), answered })}\n`);
    endInTime(this.response);
  }

  private async answer(work: LineAnswers, lines: readonly Line[]): Promise<void> {
    for await (const text of work.answers(lines)) {
      if (!this.goesOn) return;
      if (!this.response.write(text)) await drained(this.response, this.over.signal);
    }
  }

  private get goesOn(): boolean {
    return !this.over.signal.aborted && !this.response.destroyed;
  }

  /** What has arrived since; undefined at the end. */
  private async chunk(): Promise<Buffer | undefined> {
    while (this.goesOn) {
      const chunk = this.request.read() as Buffer | null;
      if (chunk) return chunk;
      if (this.request.readableEnded || this.request.destroyed) return undefined;
      await this.arrival();
    }
    return undefined;
  }

  private arrival(): Promise<void> {
    const { request, response } = this;
    const { signal } = this.over;
    return new Promise((resolve) => {
      const done = () => {
        for (const event of ARRIVALS) request.off(event, done);
        response.off('close', done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      for (const event of ARRIVALS) request.on(event, done);
      response.on('close', done);
      signal.addEventListener('abort', done);
    });
  }
}

const ARRIVALS = ['readable', 'end', 'close', 'error'] as const;
