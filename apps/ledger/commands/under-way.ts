import { setTimeout as pause } from 'node:timers/promises';

/** How long an opt-out waits for those before it: as long as for whatever else it only looks at. */
const LONGEST_WAIT_MS = 2_000;

/**
 * Which persons are being erased in this process, and what is being recorded of whom without its stream being read: a
 * message, or an opt-out decided at a glance. Such a recording seals its personal part before it is appended, and an
 * append that expects nothing cannot tell that the key was destroyed in between; so the two are kept apart here.
 */
export class UnderWay {
  private readonly recordings = new Map<string, Set<Promise<void>>>();
  private readonly optOuts = new Map<string, Set<Promise<void>>>();
  private readonly erasures = new Map<string, Set<Promise<void>>>();

  constructor(private readonly longestWaitMs = LONGEST_WAIT_MS) {}

  isErasing(recipientId: string): boolean {
    return this.erasures.has(recipientId);
  }

  /** Resolves once nobody is erasing the person, with nothing in between: what then begins at once is in time. */
  async erased(recipientId: string): Promise<void> {
    for (let all = this.erasures.get(recipientId); all; all = this.erasures.get(recipientId)) await Promise.all(all);
  }

  /** An erasure that begins meanwhile waits for it. */
  recording<T>(recipientId: string, work: () => Promise<T>): Promise<T> {
    return during(this.recordings, recipientId, work);
  }

  /**
   * The same, after the opt-outs of the person that are being recorded already: who decides at a glance sees only what
   * was recorded before, and of several at once only one may be confirmed. One that is stuck holds up none behind it.
   */
  recordingInTurn<T>(recipientId: string, work: () => Promise<T>): Promise<T> {
    const before = [...(this.optOuts.get(recipientId) ?? [])];
    const turn = async () => {
      if (before.length > 0) await Promise.race([Promise.all(before), pause(this.longestWaitMs, null, { ref: false })]);
      return work();
    };
    return this.recording(recipientId, () => during(this.optOuts, recipientId, turn));
  }

  /** Waits for what is being recorded; what comes after that sees `isErasing`. */
  erasing<T>(recipientId: string, work: () => Promise<T>): Promise<T> {
    const before = [...(this.recordings.get(recipientId) ?? [])];
    return during(this.erasures, recipientId, async () => {
      await Promise.all(before);
      return work();
    });
  }
}

async function during<T>(places: Map<string, Set<Promise<void>>>, id: string, work: () => Promise<T>): Promise<T> {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const place = places.get(id) ?? new Set();
  places.set(id, place.add(ended));
  try {
    return await work();
  } finally {
    place.delete(ended);
    if (place.size === 0) places.delete(id);
    end();
  }
}
