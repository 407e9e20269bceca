import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { BusinessState } from '#consent';
import { SYSTEM_STREAM, readEvent, type EventStore } from '#event-store';
import { RecipientIds, fingerprintOf, isRecipientId, readAddress, readPepper } from '#vault';
import { Trouble, UsageError } from './failures.js';
import type { Settings } from './ledger.js';

export const ADDRESS_OPTIONS = {
  address: { help: 'the recipient of an address, which is read from standard input\nor asked for; needs --business' },
  business: { value: 'ID', help: 'the business whose recipient it is' },
} as const;

/**
 * Reads somebody's address, a phone number, e-mail address or user id of WhatsApp, from standard input or a prompt, and
 * answers the id under which the business knows them. The address is neither shown nor kept. Rejects with `UsageError`
 * where it is none, and with `Trouble` where ids cannot be derived.
 */
export async function askRecipient(
  store: EventStore,
  settings: Settings,
  { businessId, register }: { readonly businessId: string; readonly register: BusinessState },
): Promise<string> {
  const ids = new RecipientIds(await pepperOf(store, settings));
  const read = readAddress(fieldsOf(await askAddress()), { lenient: true, ...regionOf(register) });
  if ('problem' in read) throw new UsageError(`the address cannot be read: ${read.message}`);
  if ('recipientId' in read) return read.recipientId;
  if (read.unparsed) process.stderr.write(UNPARSED);
  return ids.recipientId(businessId, read.kind, read.keyForm);
}

/** Opt-outs are kept also under what cannot be read, so that is looked for as they were. */
const UNPARSED = 'the address has an unusual form: it is looked for as an opt-out under it would have been kept\n';

function regionOf({ profile }: BusinessState): { readonly defaultRegion?: string } {
  return profile?.defaultRegion === undefined ? {} : { defaultRegion: profile.defaultRegion };
}

/** With another pepper everybody would be a stranger, of whom nothing is known: the ledger says which one is its own. */
async function pepperOf(store: EventStore, { dataDir, pepper: configured }: Settings): Promise<Buffer> {
  const pepper = readPepper({ dataDir, ...(configured === undefined ? {} : { pepper: configured }) });
  if (pepper === undefined) {
    throw new Trouble(
      'ids of addresses need the pepper: set PEPPER or PEPPER_FILE, or DATA_DIR to the directory of secrets.json',
    );
  }
  const [started] = await store.readStream(SYSTEM_STREAM, { limit: 1 });
  const data = started && (readEvent(started).data as { fingerprints?: { PEPPER?: unknown } } | undefined);
  if (data?.fingerprints?.PEPPER === fingerprintOf(pepper)) return pepper;
  throw new Trouble('the pepper is not the one that this ledger was started with: give the one that belongs to it');
}

/** By what it looks like, as nobody says of which kind it is. */
function fieldsOf(text: string): Readonly<Record<string, string>> {
  const isId: boolean = isRecipientId(text);
  if (isId) return { recipientId: text };
  if (/^[A-Z]{2}\.\w/.test(text)) return { whatsappUserId: text };
  return text.includes('@') ? { email: text } : { phone: text };
}

const PROMPT = 'Address (not shown): ';

/** The first line that is not empty. On a terminal nothing of it is shown as it is typed. */
async function askAddress(): Promise<string> {
  const { stdin, stderr } = process;
  const isPrompt = stdin.isTTY;
  if (isPrompt) stderr.write(PROMPT);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal: isPrompt, historySize: 0 });
  try {
    for await (const line of lines) if (line.trim() !== '') return line.trim();
  } finally {
    lines.close();
    stdin.destroy();
    if (isPrompt) stderr.write('\n');
  }
  throw new UsageError('no address came: write it to standard input, or run the tool on a terminal and type it');
}
