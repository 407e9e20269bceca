import type { NewEvent } from '#event-store';
import type { BatchTarget } from '../messages/batch-append.js';

/** The events of one append while its messages come in. Once it is too large it keeps nothing more. */
export class Gathered {
  readonly events: NewEvent[] = [];
  isTooLarge = false;
  private dataBytes = 0;
  private metadataBytes = 0;

  constructor(
    readonly target: BatchTarget,
    private readonly limitBytes: number,
  ) {}

  add(event: NewEvent): void {
    this.dataBytes += event.data.length;
    this.metadataBytes += event.metadata.length;
    this.isTooLarge ||= this.dataBytes > this.limitBytes || this.metadataBytes > this.limitBytes;
    if (this.isTooLarge) this.events.length = 0;
    else this.events.push(event);
  }
}
