import { Presets, SingleBar } from 'cli-progress';
import { depthOf, type Position } from '#event-store';

export interface Progress {
  update(reached: Position, events: number): void;
  stop(): void;
}

const NONE: Progress = { update: () => undefined, stop: () => undefined };

/**
 * A bar on stderr on the way to a position. Only on a terminal, and not where the result goes to a terminal too: there
 * the lines themselves show how far it is.
 */
export function progressTo(head: Position, resultIsElsewhere: boolean): Progress {
  if (!process.stderr.isTTY || !resultIsElsewhere) return NONE;
  const format = 'replay [{bar}] {percentage}% {events} events, {eta_formatted} left';
  const bar = new SingleBar({ format, clearOnComplete: true, gracefulExit: false }, Presets.shades_classic);
  bar.start(Math.max(1, depthOf(head)), 0, { events: 0 });
  return {
    update: (reached, events) => bar.update(depthOf(reached), { events }),
    stop: () => bar.stop(),
  };
}
