import { appendFileSync, closeSync, mkdirSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredEvent } from '#event-store';

/** What is kept in memory of all parts together before it is appended to their files. */
const BUFFER_BYTES = 8 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const FRAME_BYTES = 12;

/** The characters of a recipient id in the order in which ids sort. */
const ALPHABET = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';

/**
 * Events sorted into parts by the recipient they are about: each part holds all events of a range of recipient ids, in
 * the order of the ledger. So a part fits in memory when it is folded, however large the ledger is.
 */
export class EventParts {
  readonly #buffers: Buffer[];
  readonly #filled: number[];

  constructor(
    readonly directory: string,
    readonly count: number,
  ) {
    mkdirSync(directory, { mode: 0o700 });
    this.#buffers = Array.from({ length: count }, () => Buffer.allocUnsafe(Math.floor(BUFFER_BYTES / count)));
    this.#filled = Array.from({ length: count }, () => 0);
  }

  add(recipientId: string, event: StoredEvent): void {
    const part = this.#partOf(recipientId);
    const about = JSON.stringify([event.stream, event.revision, event.id, event.type]);
    const aboutBytes = Buffer.byteLength(about);
    const length = FRAME_BYTES + aboutBytes + event.data.length + event.metadata.length;
    const buffer = this.#room(part, length);
    const at = this.#filled[part] as number;
    buffer.writeUInt32LE(aboutBytes, at);
    buffer.writeUInt32LE(event.data.length, at + 4);
    buffer.writeUInt32LE(event.metadata.length, at + 8);
    buffer.write(about, at + FRAME_BYTES);
    buffer.set(event.data, at + FRAME_BYTES + aboutBytes);
    buffer.set(event.metadata, at + FRAME_BYTES + aboutBytes + event.data.length);
    this.#filled[part] = at + length;
  }

  /** Nothing is added any more: from then on `eventsOfPart` gives all there is. */
  complete(): void {
    for (let part = 0; part < this.count; part += 1) this.#flush(part);
    this.#buffers.length = 0;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #partOf(recipientId: string): number {
    const [first, second] = [ALPHABET.indexOf(recipientId.charAt(0)), ALPHABET.indexOf(recipientId.charAt(1))];
    const rank = Math.max(0, first) * ALPHABET.length + Math.max(0, second);
    return Math.floor((rank * this.count) / ALPHABET.length ** 2);
  }

  /** The part's buffer with so many bytes free; it grows for an event larger than all of it. */
  #room(part: number, bytes: number): Buffer {
    const buffer = this.#buffers[part] as Buffer;
    if ((this.#filled[part] as number) + bytes <= buffer.length) return buffer;
    this.#flush(part);
    if (bytes > buffer.length) this.#buffers[part] = Buffer.allocUnsafe(bytes);
    return this.#buffers[part] as Buffer;
  }

  #flush(part: number): void {
    const filled = (this.#buffers[part] as Buffer).subarray(0, this.#filled[part]);
    appendFileSync(fileOf(this.directory, part), filled, { mode: 0o600 });
    this.#filled[part] = 0;
  }
}

/** The events of a complete part in the order of the ledger; `position` is not kept, and empty. */
export function* eventsOfPart(directory: string, part: number): Generator<StoredEvent> {
  const file = openSync(fileOf(directory, part), 'r');
  try {
    let rest: Uint8Array = new Uint8Array(0);
    for (let chunk = nextChunk(file, rest.length); chunk.length > 0; chunk = nextChunk(file, rest.length)) {
      rest = yield* unframed(Buffer.concat([rest, chunk]));
    }
  } finally {
    closeSync(file);
  }
}

function fileOf(directory: string, part: number): string {
  return join(directory, `${part}.events`);
}

/** At least as much again as is left over of the event before, so that a long event takes few steps. */
function nextChunk(file: number, leftOver: number): Uint8Array {
  const chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, leftOver));
  return chunk.subarray(0, readSync(file, chunk));
}

/**
 * Each event is three lengths, then what stands around it, its data and its metadata. Yields the whole ones, and returns
 * what is left over.
 */
function* unframed(bytes: Buffer): Generator<StoredEvent, Uint8Array> {
  let at = 0;
  while (at + FRAME_BYTES <= bytes.length) {
    const aboutAt = at + FRAME_BYTES;
    const dataAt = aboutAt + bytes.readUInt32LE(at);
    const metadataAt = dataAt + bytes.readUInt32LE(at + 4);
    const end = metadataAt + bytes.readUInt32LE(at + 8);
    if (end > bytes.length) break;
    const about = JSON.parse(bytes.toString('utf8', aboutAt, dataAt)) as [string, string, string, string];
    const [stream, revision, id, type] = about;
    const [data, metadata] = [bytes.subarray(dataAt, metadataAt), bytes.subarray(metadataAt, end)];
    yield { stream, revision, id, type, data, metadata, position: '' };
    at = end;
  }
  return bytes.subarray(at);
}
