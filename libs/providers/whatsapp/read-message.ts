import { createHash } from 'node:crypto';
import { instantOf, readOptOut, readOptOutButton, SECOND_MS, type Instant, type OptOut } from '#consent';
import type { MessageFact, PersonAddress } from './delivery.js';
import { objectOf, textOf, type JsonObject } from './json.js';
import { addressesOf, type Person } from './people.js';

const CHANNEL = 'whatsapp';
const LONGEST_MESSAGE_ID = 512;

/** 2009, before there was a WhatsApp. An earlier time is a broken one, and would rank an opt-out below old grants. */
const EARLIEST_SECOND = Date.UTC(2009, 0, 1) / SECOND_MS;
const LATEST_SECOND = Date.UTC(9999, 11, 31) / SECOND_MS;

/** Where a message was found. */
export interface MessageSource {
  readonly providerId: string;
  /** A digest of the whole delivery, made only where it is needed. */
  readonly deliveryDigest: () => string;
}

interface Said {
  readonly addresses: readonly PersonAddress[];
  readonly claimedSecond: Instant | undefined;
  readonly text: string;
}

/** Whether the person wrote words of text. A missing type does not hide a text: it may be an opt-out. */
export function isText(message: JsonObject): boolean {
  return message.type === 'text' || (typeof message.type !== 'string' && bodyOf(message) !== undefined);
}

/**
 * The fact that a message is, or undefined where it cannot be read as one: neither a text nor a button to opt out with,
 * nobody who sent it, or, unless it is an opt-out, no id or no time. An opt-out is a fact also without those two.
 */
export function readFact(
  message: JsonObject,
  sender: Person,
  { providerId, deliveryDigest }: MessageSource,
): MessageFact | undefined {
  const said = wordsOf(message);
  const addresses = atLeastOne(addressesOf(sender));
  if (said === undefined || addresses === undefined) return undefined;
  const { text, optOut, isButton } = said;
  const claimedSecond = readSecond(message.timestamp);
  const messageId = readMessageId(message.id) ?? (optOut && ownId({ addresses, claimedSecond, text }, deliveryDigest));
  if (messageId === undefined || (claimedSecond === undefined && optOut === undefined)) return undefined;
  const fact = { kind: 'message', providerId, messageId, claimedSecond, addresses } as const;
  if (optOut === undefined) return fact;
  // Blanks around a word, which may be any number of them, must not make its event too large for the ledger.
  return { ...fact, optOut, text: text.trim(), ...(isButton ? { isButton } : {}) };
}

interface Words {
  readonly text: string;
  readonly optOut: OptOut | undefined;
  readonly isButton?: true;
}

function wordsOf(message: JsonObject): Words | undefined {
  if (isText(message)) {
    const text = bodyOf(message);
    return text === undefined ? undefined : { text, optOut: readOptOut(text, CHANNEL) };
  }
  const label = message.type === 'button' ? objectOf(message.button)?.text : undefined;
  const optOut = typeof label === 'string' ? readOptOutButton(label) : undefined;
  return optOut && { text: label as string, optOut, isButton: true };
}

function bodyOf(message: JsonObject): string | undefined {
  const body = objectOf(message.text)?.body;
  return typeof body === 'string' ? body : undefined;
}

function atLeastOne(addresses: readonly PersonAddress[]): MessageFact['addresses'] | undefined {
  const [first, ...others] = addresses;
  return first === undefined ? undefined : [first, ...others];
}

export function readMessageId(value: unknown): string | undefined {
  return textOf(value, LONGEST_MESSAGE_ID);
}

/** Seconds since 1970 as Meta writes them: a string of digits in messages, a number elsewhere. */
export function readSecond(value: unknown): Instant | undefined {
  const text = textOf(value, 12);
  const second = text !== undefined && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return second >= EARLIEST_SECOND && second <= LATEST_SECOND ? instantOf(second * SECOND_MS) : undefined;
}

/**
 * Stands in for a missing `wamid`, the same however often the message is delivered. Where the time is missing too, the
 * whole delivery tells it apart from an earlier opt-out in the same words, which must not swallow a new one.
 */
function ownId({ addresses, claimedSecond, text }: Said, deliveryDigest: () => string): string {
  const said = JSON.stringify([addresses, claimedSecond ?? deliveryDigest(), text]);
  return `sha256:${createHash('sha256').update(said).digest('hex')}`;
}
