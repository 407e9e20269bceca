import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { workerUrl } from '#sqlite';
import type { FoldedPart } from './fold-part.js';

/** More would wait for the one thread that writes the rows. */
const MOST_THREADS = 2;
/** What a thread folds dies soon, and must not pile up before it is collected: bounds in megabytes, by a part's size. */
const YOUNG_MB = 6;
const OLD_MB = 64;
const EVENTS_IN_OLD_MB = 10_000;

/** Folds complete parts on threads of their own, and yields each as it comes, about in order. */
export async function* foldAll({ directory, parts, events }: Sorted): AsyncGenerator<FoldedPart> {
  const threads = Math.min(MOST_THREADS, availableParallelism(), parts);
  const workers = Array.from({ length: threads }, () => startThread(directory, events / parts));
  const underWay = new Map<Worker, Promise<Answer>>();
  let next = 0;
  const give = (worker: Worker) => {
    if (next >= parts) return;
    const answer = ask(worker, next++);
    // Where the rows cannot be written nobody waits for it any more, and the thread is ended under it.
    answer.catch(() => undefined);
    underWay.set(worker, answer);
  };
  try {
    workers.forEach(give);
    while (underWay.size > 0) {
      const { worker, folded } = await Promise.race(underWay.values());
      underWay.delete(worker);
      give(worker);
      yield folded;
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

export interface Sorted {
  readonly directory: string;
  readonly parts: number;
  /** In all parts together. */
  readonly events: number;
}

interface Answer {
  readonly worker: Worker;
  readonly folded: FoldedPart;
}

function startThread(directory: string, eventsInPart: number): Worker {
  const program = workerUrl(import.meta.url, './fold-thread.js');
  // Ids spread evenly, yet a part may come out larger than its fellows.
  const times = Math.max(1, (2 * eventsInPart) / EVENTS_IN_OLD_MB);
  const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB, maxOldGenerationSizeMb: Math.ceil(OLD_MB * times) };
  return new Worker(program, { workerData: { directory }, resourceLimits });
}

/** Rejects where the thread fails or ends. */
async function ask(worker: Worker, part: number): Promise<Answer> {
  const asked = new AbortController();
  const { signal } = asked;
  try {
    worker.postMessage(part);
    const ended = once(worker, 'exit', { signal }).then(() =>
      Promise.reject(new Error('a thread of the rebuild ended')),
    );
    const [folded] = (await Promise.race([once(worker, 'message', { signal }), ended])) as [FoldedPart];
    return { worker, folded };
  } finally {
    asked.abort();
  }
}
