import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Relay, RelayStatus } from '#relay';
import type { Election } from '#view';

/** Before a relay that could not be started is tried again, in milliseconds. */
const START_AGAIN_MS = 5_000;

/**
 * A relay that runs only while this process is chosen among the replicas. One that lost its own lease, say because its
 * process was stopped, leaves the place: it may be another's by then. Where two run for a moment, since one does not know
 * yet, the topics are mended.
 */
export class StandbyRelay implements Relay {
  private readonly stopped = new AbortController();
  private readonly running: Promise<void>;
  private relay: Relay | undefined;
  private problem: string | undefined;

  constructor(
    private readonly election: Election,
    /** `onLost` is told of a relay that publishes no more. */
    private readonly start: (onLost: () => void) => Promise<Relay>,
  ) {
    this.running = this.run();
  }

  status(): RelayStatus {
    if (this.relay) return this.relay.status();
    const standingBy: RelayStatus = { leader: false, lanes: [], parked: 0, healed: 0, warnings: [] };
    return this.problem === undefined ? standingBy : { ...standingBy, problem: this.problem };
  }

  async close(): Promise<void> {
    this.stopped.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      const term = await this.election.stand(signal).catch(() => undefined);
      if (term === undefined) continue;
      await this.serve(AbortSignal.any([term.over, signal]));
      await term.resign();
    }
  }

  private async serve(over: AbortSignal): Promise<void> {
    const lost = new AbortController();
    const ended = AbortSignal.any([over, lost.signal]);
    try {
      this.relay = await this.start(() => lost.abort());
      this.problem = undefined;
    } catch (error) {
      this.problem = problemIn(error, 'the relay cannot begin');
      await pause(START_AGAIN_MS, undefined, { signal: over }).catch(() => undefined);
      return;
    }
    if (!ended.aborted) await once(ended, 'abort');
    await this.end(this.relay);
  }

  /** One that does not end well must not keep the place from others. */
  private async end(relay: Relay): Promise<void> {
    try {
      await relay.close();
    } catch (error) {
      this.problem = problemIn(error, 'the relay did not end well');
    } finally {
      this.relay = undefined;
    }
  }
}

function problemIn(error: unknown, otherwise: string): string {
  return error instanceof Error ? error.message : otherwise;
}
