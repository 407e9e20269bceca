import type { ToldChange } from './told.js';

/** A change that was told, and the one after it. */
export class Entry {
  next: Entry | undefined;

  constructor(
    readonly told: ToldChange | undefined,
    readonly number: number,
  ) {}
}

/** A watcher as its audience knows it. */
export interface Listener {
  /** The last entry that it has been told. */
  readonly entry: Entry | undefined;
  /** Set while it waits for more. */
  readonly resume: (() => void) | undefined;
  /** It is too far behind. */
  cutOff(): void;
}

/**
 * The live watchers of one business, and what they are told: one chain for all, in which each has a place of its own. So
 * a watcher that has nothing to do costs a reference, and one that is behind keeps no copies; what all have been told
 * is collected by itself.
 */
export class Audience {
  readonly listeners = new Set<Listener>();
  private last = new Entry(undefined, 0);

  constructor(private readonly bufferEvents: number) {}

  get tail(): Entry {
    return this.last;
  }

  add(told: ToldChange): void {
    this.last = this.last.next = new Entry(told, this.last.number + 1);
  }

  /** Those who wait, to be woken. Whoever has left more than the buffer unread is cut off. */
  ready(): (() => void)[] {
    const waiting: (() => void)[] = [];
    for (const listener of this.listeners) {
      if (listener.resume) waiting.push(listener.resume);
      else if (listener.entry && this.last.number - listener.entry.number > this.bufferEvents) listener.cutOff();
    }
    return waiting;
  }
}
