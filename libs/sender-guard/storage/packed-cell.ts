import type { Basis, Instant } from '#consent';
import { UUID_BYTES, readUuid } from '#packed';
import { instantAt } from './packed-instant.js';
import { EVENT } from './parts.js';

const MS_BYTES = 6;
/** Of an event's form, id and instant where both are packed. */
export const PACKED_EVENT_BYTES = 1 + UUID_BYTES + MS_BYTES;

/**
 * A cell over packed bytes. A decision looks at few members of few cells, so the event is read from the bytes when it
 * is asked for; and all cells are of one shape whatever their kind, which makes them fast to look at. Good until the
 * bytes are written again: whoever keeps a cell takes a copy.
 */
export class PackedCell implements Basis {
  private occurred: Instant | undefined = undefined;

  /** `at` is where the event's form, id and instant stand in the bytes. A member that its kind does not have is undefined. */
  constructor(
    private readonly bytes: Buffer,
    private readonly at: number,
    private readonly recipientId: string,
    readonly type: string,
    readonly channel?: string,
    readonly purpose?: string,
    readonly category?: string,
    readonly sender?: string,
    readonly expiresAt?: Instant,
  ) {}

  get revision(): string {
    return '';
  }

  get eventId(): string {
    const { bytes, at } = this;
    return bytes[at] === EVENT.packed ? readUuid(bytes, at + 1) : spelledAt(bytes, at + 1);
  }

  get occurredAt(): Instant {
    return (this.occurred ??= this.readInstant());
  }

  get recordedAt(): Instant {
    return this.occurredAt;
  }

  get stream(): string {
    return `${this.type === 'UserMessaged' ? 'conversation' : 'consent'}-${this.recipientId}`;
  }

  /** The event alone, as an ordinary value that outlives the bytes. */
  copied(): Basis {
    const { eventId, type, stream, revision, occurredAt, recordedAt } = this;
    return { eventId, type, stream, revision, occurredAt, recordedAt };
  }

  private readInstant(): Instant {
    const { bytes, at } = this;
    if (bytes[at] === EVENT.packed) return instantAt(bytes.readUIntBE(at + 1 + UUID_BYTES, MS_BYTES));
    return spelledAt(bytes, at + 1 + spelledBytes(bytes, at + 1));
  }
}

/** A text of at most 65,535 bytes behind its length. */
function spelledAt(bytes: Buffer, at: number): string {
  return bytes.toString('utf8', at + 2, at + spelledBytes(bytes, at));
}

export function spelledBytes(bytes: Buffer, at: number): number {
  return 2 + bytes.readUInt16BE(at);
}
