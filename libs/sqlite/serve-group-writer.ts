import { isDeepStrictEqual } from 'node:util';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { failureOf, type Batch, type Failure, type Outcomes, type WriterProgram } from './batch.js';
import { GuardedWriter, type WriterStatus } from './guarded-writer.js';

const IDLE_MS = 1_000;

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
  port.on('message', (message: ToWriter<Job>) => {
    if (message !== 'close') {
      const outcomes = writer.write(message);
      told = writer.status();
      tell({ is: 'done', outcomes, status: told });
      return writer.tidy();
    }
    clearInterval(idling);
    port.close();
    writer.close();
  });
}
