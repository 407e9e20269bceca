import { createHmac, timingSafeEqual } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LEDGER_FILE, type LedgerSummary, type Position } from '#event-store';
import { ADMIN_KEY_FILE, SECRETS_FILE, VAULT_FILE } from '#vault';
import type { FileFacts } from './files.js';
import { Refused } from './tool.js';

export const MANIFEST_FILE = 'manifest.json';

/**
 * What a backup may consist of, in the order in which a restore puts it in place: over a vault alone, or one that lacks
 * its ledger, a service refuses to start, so a restore that was cut off between two files is never taken for a new one.
 */
export const KEPT_FILES = [VAULT_FILE, SECRETS_FILE, ADMIN_KEY_FILE, LEDGER_FILE] as const;
export type KeptFile = (typeof KEPT_FILES)[number];
/** The others are only there where the secrets are not configured. */
const ALWAYS_KEPT: readonly KeptFile[] = [VAULT_FILE, LEDGER_FILE];

export interface Manifest {
  readonly format: 1;
  /** When it was begun: everything acknowledged before then is in it. */
  readonly createdAt: string;
  /** Version of the program that made the backup. */
  readonly program: string;
  /** The newest version of event data that this program writes. */
  readonly eventSchema: number;
  readonly ledger: LedgerSummary & { readonly head: Position };
  readonly files: Readonly<Partial<Record<KeptFile, FileFacts & { readonly schema?: number }>>>;
  /** A keyed hash of all the rest under the key-encryption key. */
  readonly seal: string;
}

export type ManifestBody = Omit<Manifest, 'seal'>;

const SEAL_LABEL = 'consent-ledger/backup-manifest/v1:';

export function sealed(body: ManifestBody, keyEncryptionKey: Uint8Array): Manifest {
  return { ...body, seal: sealOf(body, keyEncryptionKey).toString('base64url') };
}

/** Whether the manifest is as it was written by somebody who had the key. */
export function isGenuine({ seal, ...body }: Manifest, keyEncryptionKey: Uint8Array): boolean {
  const [ours, theirs] = [sealOf(body, keyEncryptionKey), Buffer.from(seal, 'base64url')];
  return ours.length === theirs.length && timingSafeEqual(ours, theirs);
}

function sealOf(body: ManifestBody, keyEncryptionKey: Uint8Array): Buffer {
  return createHmac('sha256', keyEncryptionKey)
    .update(SEAL_LABEL + JSON.stringify(body))
    .digest();
}

/** Rejects with `Refused`, naming the file, where there is no whole manifest. */
export async function readManifest(backupDir: string): Promise<Manifest> {
  const file = join(backupDir, MANIFEST_FILE);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) throw new Refused(`${file} is missing or cannot be read: this is no whole backup`);
  const value = parsed(text);
  if (!isManifest(value)) throw new Refused(`${file} is damaged, or of a newer program`);
  const missing = ALWAYS_KEPT.find((name) => value.files[name] === undefined);
  if (missing !== undefined) throw new Refused(`${file} does not list ${missing}: this is no whole backup`);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What is relied on before the seal is checked; everything else is compared with what is there. */
function isManifest(value: unknown): value is Manifest {
  if (!isObject(value) || value.format !== 1 || typeof value.seal !== 'string') return false;
  const { ledger, files } = value;
  if (!isObject(ledger) || typeof ledger.head !== 'string' || !isObject(files)) return false;
  const known: readonly string[] = KEPT_FILES;
  return Object.entries(files).every(([name, facts]) => known.includes(name) && isObject(facts));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Where SQLite keeps the number that a program gave its tables, in four bytes of the file's header. */
const USER_VERSION_AT = 60;

export async function schemaOf(database: string): Promise<number> {
  const handle = await open(database, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, USER_VERSION_AT);
    return buffer.readUInt32BE();
  } finally {
    await handle.close();
  }
}
