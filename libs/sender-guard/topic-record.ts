import { addMs, instantOf, type Basis } from '#consent';

/** A record as it comes from a topic, before anything in it is believed. */
export interface TopicRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | undefined;
  readonly value: Uint8Array | null;
  /** `ce_type`: what kind of value this is, major version included. */
  readonly type: string | undefined;
  /** `ce_ledgerposition`. */
  readonly position: string | undefined;
  /** When Kafka took it, in milliseconds. */
  readonly timestampMs: number;
}

const EPOCH = instantOf(0);

/** Stands for the record itself: which event it was about cannot be read. Whoever wrote it dated it as they liked. */
export function doubtOf({ key, timestampMs }: TopicRecord): Basis {
  const occurredAt = addMs(EPOCH, timestampMs);
  return {
    eventId: '',
    type: 'Unreadable',
    stream: `consent-${key}`,
    revision: '',
    occurredAt,
    recordedAt: occurredAt,
  };
}
