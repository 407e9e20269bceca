import type { ServerResponse } from 'node:http';
import type { Told, Watch } from '#feed';
import type { Refusal } from '#platform';
import { drained, endInTime } from './long-answer.js';

export const EVENT_STREAM = 'text/event-stream; charset=utf-8';

/** What a browser waits before it asks again. */
const RETRY = 'retry: 1000\n\n';

/** Each is written out once, for whoever is told it. */
const frames = new WeakMap<Told, Buffer>();

function frameOf(told: Told): Buffer {
  let frame = frames.get(told);
  if (!frame) frames.set(told, (frame = Buffer.from(textOf(told))));
  return frame;
}

/** No part holds a line break: positions are plain, and JSON escapes them. */
function textOf(told: Told): string {
  const { kind, position } = told;
  const data = told.kind === 'change' ? told.json : JSON.stringify({ position, at: told.at });
  return `id: ${position}\nevent: ${kind}\ndata: ${data}\n\n`;
}

/** Answers with Server-Sent Events until the caller leaves or is told why it ends. */
export class EventStream {
  private readonly over = new AbortController();
  /** Set once it is to end, or has ended, for a reason of ours. */
  reason: Refusal | undefined;

  constructor(
    private readonly response: ServerResponse,
    private readonly watch: Watch,
    private readonly refusalOf: (error: unknown) => Refusal,
  ) {
    watch.cut.addEventListener('abort', () => this.endWith(refusalOf(watch.cut.reason)), { once: true });
    response.once('close', () => void watch.return());
  }

  /** Ends it, whatever it is doing. */
  endWith(reason: Refusal): void {
    this.reason ??= reason;
    this.over.abort();
    void this.watch.return();
  }

  open(): void {
    // A proxy that gathers answers would gather this one for ever.
    this.response.writeHead(200, {
      'content-type': EVENT_STREAM,
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    this.response.write(RETRY);
  }

  /** Never rejects. `first` was told already, and is to be written. */
  async tell(first: Told): Promise<void> {
    let { position } = first;
    let told: Told | undefined = first;
    try {
      while (told && !this.response.destroyed) {
        ({ position } = told);
        if (!this.response.write(frameOf(told))) await drained(this.response, this.over.signal);
        told = (await this.watch.next()).value;
      }
    } catch (error) {
      this.reason ??= this.refusalOf(error);
    }
    this.end(position);
  }

  /** The last event says why it ends and where to go on: whoever reads it has been told all that comes before. */
  private end(position: string): void {
    if (this.response.destroyed) return;
    if (this.reason) {
      const { code, detail } = this.reason;
      this.response.write(`event: end\ndata: ${JSON.stringify({ code, detail, position })}\n\n`);
    }
    endInTime(this.response);
  }
}
