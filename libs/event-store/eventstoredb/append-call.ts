import { appendMessages, readAnswer, type AppendAnswer, type AppendRequest } from './append-messages.js';
import type { BatchAppendCall, Begun } from './client.js';
import { CallFailure } from './failure.js';

interface Waiting {
  /** Of the last of several events servers may name another place than its own. */
  readonly isSingle: boolean;
  readonly resolve: (answer: AppendAnswer) => void;
  readonly reject: (error: unknown) => void;
}

interface Listener {
  heard(): void;
  headers(headers: { get(name: string): unknown[] }): void;
}

/** The one long call on which a connection appends, opened with the first append and again after it has ended. */
export class AppendCall {
  private opened: Promise<OpenCall> | undefined;

  constructor(
    private readonly open: () => Promise<Begun<BatchAppendCall>>,
    private readonly listener: Listener,
  ) {}

  /** Rejects where the call ends before the answer has come; whether the events were written is then unknown. */
  async send(request: AppendRequest): Promise<AppendAnswer> {
    this.opened ??= this.begin();
    const call = await this.opened;
    return call.send(request);
  }

  cancel(): void {
    void this.opened?.then(
      (call) => call.cancel(),
      () => undefined,
    );
  }

  private async begin(): Promise<OpenCall> {
    const ended = () => {
      this.opened = undefined;
    };
    try {
      return new OpenCall(await this.open(), this.listener, ended);
    } catch (error) {
      ended();
      throw error;
    }
  }
}

/** Who waits belongs to this call alone: its end is nobody else's. */
class OpenCall {
  private readonly waiting = new Map<number, Waiting>();
  private sent = 0;
  private over = false;

  constructor(
    private readonly begun: Begun<BatchAppendCall>,
    listener: Listener,
    private readonly ended: () => void,
  ) {
    const { call } = begun;
    call.on('metadata', (headers) => listener.headers(headers));
    call.on('data', (message: Buffer) => {
      listener.heard();
      this.answer(message);
    });
    call.on('error', (error) => this.end(error));
    call.on('end', () => this.end(new CallFailure('connection', 'EventStoreDB ended the call')));
  }

  send(request: AppendRequest): Promise<AppendAnswer> {
    this.sent += 1;
    const correlation = this.sent;
    return new Promise((resolve, reject) => {
      this.waiting.set(correlation, { isSingle: request.events.length === 1, resolve, reject });
      for (const message of appendMessages(correlation, request)) this.begun.call.write(message);
    });
  }

  cancel(): void {
    this.begun.call.cancel();
  }

  private answer(message: Buffer): void {
    try {
      const { correlation, answer } = readAnswer(message);
      const waiting = this.waiting.get(correlation);
      this.waiting.delete(correlation);
      if (waiting?.isSingle && answer.kind === 'appended') this.begun.peer.reach(answer.n ?? 0);
      waiting?.resolve(answer);
    } catch (error) {
      this.begun.call.cancel();
      this.end(error);
    }
  }

  private end(error: unknown): void {
    if (this.over) return;
    this.over = true;
    this.ended();
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
