import { PHONE_NUMBER_ID, type TestService } from '../../support/service.js';
import type { Json } from './acme.js';

/** The person's word, in capitals: a mutation that puts in a word of its own writes it small. */
export const WORD = 'STOP';

const PAGE = 500;

/**
 * Whom the STOPs of a delivery name, read in the plainest way: only what stands exactly where Meta documents it is looked
 * at. A slow reading that knows nothing of the code's own.
 */
export function stoppedBy(delivery: unknown): readonly Json[] {
  const changes = each(member(delivery, 'entry')).flatMap((entry) => each(member(entry, 'changes')));
  const values = changes.filter((change) => member(change, 'field') === 'messages').map((one) => member(one, 'value'));
  const ours = values.filter((value) => member(member(value, 'metadata'), 'phone_number_id') === PHONE_NUMBER_ID);
  return ours.flatMap((value) =>
    each(member(value, 'messages'))
      .filter(isStop)
      .flatMap((message) => namesOf(member(message, 'from'), each(member(value, 'contacts')))),
  );
}

function isStop(message: unknown): boolean {
  const isAlone = member(message, 'group_id') === undefined;
  return isAlone && member(message, 'type') === 'text' && member(member(message, 'text'), 'body') === WORD;
}

function namesOf(from: unknown, contacts: readonly unknown[]): Json[] {
  if (typeof from !== 'string' || !/^\d{8,15}$/.test(from)) return [];
  const userIds = contacts.filter((one) => member(one, 'wa_id') === from).map((one) => member(one, 'user_id'));
  const known = userIds.filter((id) => typeof id === 'string' && /^US\.\d+$/.test(id));
  return [{ phone: `+${from}` }, ...known.map((whatsappUserId) => ({ whatsappUserId }))];
}

/**
 * Whether somebody says another text than the word in the delivery: that message is then what it says, no other text is
 * kept, and it opens a window as any message does.
 */
export function saysAnotherText(value: unknown): boolean {
  const body = member(member(value, 'text'), 'body');
  if (typeof body === 'string' && body !== WORD) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(saysAnotherText);
}

/** What of opt-outs was recorded after a position: the sealed parts, opened. */
export async function recordedSince({ running }: TestService, from: string): Promise<readonly Json[]> {
  const { store, vault } = running.parts;
  const { events } = await store.readAll({ from, prefixes: ['consent-'], limit: PAGE });
  const opened = events.map(async ({ id, stream, data }) => {
    const { sealed } = JSON.parse(Buffer.from(data).toString()) as { sealed: Parameters<typeof vault.open>[2] };
    return (await vault.open(stream.replace('consent-', ''), id, sealed)) ?? {};
  });
  return Promise.all(opened);
}

/** The bodies of all that is kept as unrouted, in the order of their ids. */
export async function keptBodies({ running }: TestService): Promise<readonly string[]> {
  const { vault } = running.parts;
  const kept = await vault.listUnrouted({ limit: PAGE });
  return Promise.all(kept.map(async ({ id }) => (await vault.openUnrouted(id))?.body ?? ''));
}

function member(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
  return isObject ? (value as Json)[name] : undefined;
}

function each(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
