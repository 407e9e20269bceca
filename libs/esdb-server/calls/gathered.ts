import type { NewEvent } from '#event-store';
import type { BatchTarget } from '../messages/batch-append.js';

/** What an event takes beside its bytes. */
const EVENT_BYTES = 100;

/** The events of one append while its messages come in. Once it is too large it keeps nothing more. */
export class Gathered {
  readonly events: NewEvent[] = [];
  isTooLarge = false;
  private dataBytes = 0;
  private metadataBytes = 0;
  /** Of ids and types, and of the events themselves. */
  private otherBytes = 0;

  constructor(
    readonly target: BatchTarget,
    private readonly limitBytes: number,
  ) {}

  add(event: NewEvent): void {
    this.dataBytes += event.data.length;
    this.metadataBytes += event.metadata.length;
    this.otherBytes += EVENT_BYTES + event.id.length + event.type.length;
    const largest = Math.max(this.dataBytes, this.metadataBytes, this.otherBytes);
    this.isTooLarge ||= largest > this.limitBytes;
    if (this.isTooLarge) this.events.length = 0;
    else this.events.push(event);
  }
}
