import type { IncomingMessage, ServerResponse } from 'node:http';
import { InWork } from '../in-work.js';

/** A provider's largest body arrives in far less. */
const PATIENCE_MS = 2_000;

/**
 * How many deliveries may be in work. Who sends one is not known before all of its body is there, and strangers who send
 * slowly would keep providers out: where all places are taken, one whose body has been arriving for too long gives its
 * own up.
 */
export class DeliveryPlaces {
  private readonly places: InWork;
  /** Since when, in milliseconds; the oldest first. */
  private readonly arriving = new Map<IncomingMessage, number>();

  constructor(
    limit: number,
    private readonly cutOff: (request: IncomingMessage) => void,
  ) {
    this.places = new InWork(limit);
  }

  /** Takes a place until the answer is sent or its caller has gone; false where there is none. */
  enter(request: IncomingMessage, response: ServerResponse): boolean {
    // The place that is given up is still counted until its connection has closed.
    if (!this.places.enter() && !(this.cutOffOldest() && this.places.enter(true))) return false;
    this.arriving.set(request, performance.now());
    response.once('close', () => {
      this.arriving.delete(request);
      this.places.leave();
    });
    return true;
  }

  private cutOffOldest(): boolean {
    for (const [request, sinceMs] of this.arriving) {
      if (!request.complete && performance.now() - sinceMs < PATIENCE_MS) return false;
      this.arriving.delete(request);
      if (request.complete) continue;
      this.cutOff(request);
      return true;
    }
    return false;
  }
}
