import { isDeepStrictEqual } from 'node:util';
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import { failureOf, type Batch, type Failure, type Outcomes, type WriterProgram } from './batch.js';
import { GuardedWriter, type WriterStatus } from './guarded-writer.js';
import { Wakefulness } from './wakefulness.js';

const IDLE_MS = 1_000;

/** How long the thread looks for the next batch before it sleeps: a lone writer's next append comes within it. */
const AWAKE_MS = 0.15;

export type ToWriter<Job> = Batch<Job> | 'close';

export type FromWriter<Result> =
  | { readonly is: 'opened'; readonly status: WriterStatus }
  | { readonly is: 'refused'; readonly failure: Failure }
  | { readonly is: 'done'; readonly outcomes: Outcomes<Result>; readonly status: WriterStatus }
  | { readonly is: 'status'; readonly status: WriterStatus };

/** Called once by the program file of a writer thread: opens its database and serves batches until it is told to close. */
export function serveGroupWriter<Data, Job, Result>(program: { open(data: Data): WriterProgram<Job, Result> }): void {
  const port = parentPort;
  if (!port) throw new Error('a writer program runs in a worker thread only');
  const tell = (message: FromWriter<Result>) => port.postMessage(message);
  try {
    const writer = new GuardedWriter(program.open(workerData as Data));
    tell({ is: 'opened', status: writer.status() });
    serve(port, writer, tell);
  } catch (error) {
    tell({ is: 'refused', failure: failureOf(error) });
  }
}

function serve<Job, Result>(
  port: MessagePort,
  writer: GuardedWriter<Job, Result>,
  tell: (message: FromWriter<Result>) => void,
): void {
  let told = writer.status();
  const idling = setInterval(() => {
    writer.idle();
    if (isDeepStrictEqual(told, writer.status())) return;
    told = writer.status();
    tell({ is: 'status', status: told });
  }, IDLE_MS);
  const hear = (message: ToWriter<Job>): void => {
    if (message !== 'close') {
      const outcomes = writer.write(message);
      told = writer.status();
      tell({ is: 'done', outcomes, status: told });
      return writer.tidy();
    }
    clearInterval(idling);
    port.close();
    void writer.close();
  };
  const wakefulness = new Wakefulness();
  port.on('message', (message: ToWriter<Job>) => {
    for (let next: ToWriter<Job> | undefined = message; next !== undefined;) {
      hear(next);
      const looks: boolean = next !== 'close' && wakefulness.isWorthwhile();
      next = looks ? nextSoon<Job>(port) : undefined;
      if (looks) wakefulness.tell(next !== undefined);
    }
  });
}

/** To wake a thread that sleeps takes a good part of what a sync takes, so it stays awake for a moment. */
function nextSoon<Job>(port: MessagePort): ToWriter<Job> | undefined {
  const until = performance.now() + AWAKE_MS;
  do {
    const received = receiveMessageOnPort(port) as { readonly message: ToWriter<Job> } | undefined;
    if (received) return received.message;
  } while (performance.now() < until);
  return undefined;
}
