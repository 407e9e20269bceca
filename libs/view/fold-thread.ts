import { parentPort, workerData } from 'node:worker_threads';
import { foldPart } from './fold-part.js';

/** A thread of a rebuild: folds the parts that it is told, one after the other, until it is ended. */
const { directory } = workerData as { readonly directory: string };
parentPort?.on('message', (part: number) => parentPort?.postMessage(foldPart(directory, part)));
