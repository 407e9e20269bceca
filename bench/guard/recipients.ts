import { createHash } from 'node:crypto';
import { instantOf, type Instant } from '#consent';
import type { StateRecord } from '#contracts';

export const BUSINESS = 'acme';
const LEDGER = 'ledger-of-the-benchmark';
const T0 = Date.UTC(2026, 0, 1);

/** The id of the n-th recipient. */
export function idOf(n: number): string {
  return createHash('sha256').update(`recipient ${n}`).digest('base64url');
}

/** Of ten people all agreed on two channels, five wrote, two said stop on WhatsApp afterwards. */
export function stateOf(n: number): StateRecord {
  const at = (minutes: number): Instant => instantOf(T0 + n * 1_000 + minutes * 60_000);
  const granted = { purpose: 'offers', occurredAt: at(0), eventId: eventOf(n, 'grant') };
  const wrote = { sender: 'main', occurredAt: at(5), eventId: eventOf(n, 'message') };
  const stopped = { category: '*', occurredAt: at(10), eventId: eventOf(n, 'stop') } as const;
  return {
    businessId: BUSINESS,
    recipientId: idOf(n),
    position: `${LEDGER}.${n + 1}`,
    erased: false,
    unreadable: false,
    grants: [
      { channel: 'sms', ...granted },
      { channel: 'whatsapp', ...granted },
    ],
    revocations: isStopped(n) ? [{ channel: 'whatsapp', ...stopped }] : [],
    preferences: [],
    blocks: [],
    contacts: n % 2 === 0 ? [{ channel: 'whatsapp', ...wrote }] : [],
    confirmations: [],
    links: [],
  };
}

export function isStopped(n: number): boolean {
  return n % 10 === 3 || n % 10 === 7;
}

function eventOf(n: number, what: string): string {
  const hex = createHash('sha256').update(`${what} ${n}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
