import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SecretsRefused, readSecretFile, writeSecretFile } from './secret-file.js';

export interface Secrets {
  /** 32 bytes under which every id is derived. */
  readonly pepper: Buffer;
  /** 32 bytes under which every recipient's data key is wrapped. */
  readonly keyEncryptionKey: Buffer;
}

export interface OpenSecretsOptions {
  readonly dataDir: string;
  /** Configured values, 32 bytes in base64; what is not configured is in `secrets.json`. */
  readonly pepper?: string;
  readonly keyEncryptionKey?: string;
  /** Whether there is data already that only the secrets of its first start fit. */
  readonly ledgerExists: boolean;
  readonly vaultExists: boolean;
}

type SecretName = keyof Secrets;
type SecretTexts = { readonly [N in SecretName]?: string };

export const SECRETS_FILE = 'secrets.json';
export const ADMIN_KEY_FILE = 'admin.key';

const VARIABLES: Readonly<Record<SecretName, string>> = { pepper: 'PEPPER', keyEncryptionKey: 'KEY_ENCRYPTION_KEY' };
const NAMES = Object.keys(VARIABLES) as readonly SecretName[];
const SECRET_BYTES = 32;
const FINGERPRINT_LABEL = 'consent-ledger/fingerprint/v1';
const FINGERPRINT_BYTES = 16;
const MIN_ADMIN_KEY_LENGTH = 32;

/**
 * The secrets from the configuration and `DATA_DIR/secrets.json`; at the very first start what neither holds is made
 * and written there. Over an existing ledger or vault nothing is ever made: new secrets would make every recipient a
 * stranger whose STOP is forgotten. Throws `SecretsRefused` then, and where a value is not what it has to be.
 */
export function openSecrets(options: OpenSecretsOptions): Secrets {
  const file = join(options.dataDir, SECRETS_FILE);
  const kept = readSecretsFile(file);
  const configured = configuredSecrets(options);
  refuseContradiction(file, kept, configured);
  const known = { ...kept, ...configured };
  const missing = NAMES.filter((name) => known[name] === undefined);
  if (missing.length > 0) refuseOverData(file, missing, options);
  const made = Object.fromEntries(missing.map((name) => [name, randomBytes(SECRET_BYTES).toString('base64')]));
  if (missing.length > 0) writeSecretFile(file, `${JSON.stringify({ ...kept, ...made }, undefined, 2)}\n`);
  const texts = { ...known, ...made } as Required<SecretTexts>;
  return { pepper: bytesOf(texts.pepper), keyEncryptionKey: bytesOf(texts.keyEncryptionKey) };
}

/** The pepper alone, for a tool that only derives ids; undefined where it is nowhere. Makes nothing. Throws `SecretsRefused`. */
export function readPepper(options: Pick<OpenSecretsOptions, 'dataDir' | 'pepper'>): Buffer | undefined {
  const file = join(options.dataDir, SECRETS_FILE);
  const [kept, configured] = [readSecretsFile(file), configuredSecrets(options)];
  refuseContradiction(file, kept, configured);
  const text = configured.pepper ?? kept.pepper;
  return text === undefined ? undefined : bytesOf(text);
}

/** Says which secret it is without telling anything of it: 22 characters, safe to publish in the ledger. */
export function fingerprintOf(secret: Uint8Array | string): string {
  const digest = createHmac('sha256', secret).update(FINGERPRINT_LABEL).digest();
  return digest.subarray(0, FINGERPRINT_BYTES).toString('base64url');
}

/** `file` is set where the key is kept in one, so that the start-up line can name it. */
export interface AdminKey {
  readonly key: string;
  readonly file?: string;
}

/** The configured admin key, or that of `DATA_DIR/admin.key`, made at first start. Throws `SecretsRefused`. */
export function openAdminKey(options: { readonly dataDir: string; readonly configured?: string }): AdminKey {
  if (options.configured !== undefined) return { key: checkedAdminKey('ADMIN_KEY', options.configured) };
  const file = join(options.dataDir, ADMIN_KEY_FILE);
  const kept = readSecretFile(file);
  if (kept !== undefined) return { key: checkedAdminKey(file, kept.trim()), file };
  const key = randomBytes(SECRET_BYTES).toString('base64url');
  writeSecretFile(file, `${key}\n`);
  return { key, file };
}

function checkedAdminKey(source: string, key: string): string {
  const usable = key.length >= MIN_ADMIN_KEY_LENGTH && /^[\x21-\x7e]+$/.test(key);
  if (usable) return key;
  const remedy = `it needs at least ${MIN_ADMIN_KEY_LENGTH} printable ASCII characters without spaces`;
  throw new SecretsRefused(source, `${remedy}, such as openssl rand -base64 32 prints`);
}

function readSecretsFile(file: string): SecretTexts {
  const text = readSecretFile(file);
  if (text === undefined) return {};
  const values = parsed(text);
  if (values === undefined) throw new SecretsRefused(file, 'it is damaged: restore it from a backup');
  return pick((name) => checkedSecret(`${name} in ${file}`, values[name]));
}

function configuredSecrets(options: SecretTexts): SecretTexts {
  return pick((name) => checkedSecret(VARIABLES[name], options[name]));
}

function pick(valueOf: (name: SecretName) => string | undefined): SecretTexts {
  const values = NAMES.map((name) => [name, valueOf(name)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function checkedSecret(source: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === 'string' ? value.trim() : '';
  if (bytesOf(text).length === SECRET_BYTES && bytesOf(text).toString('base64') === text) return text;
  throw new SecretsRefused(source, 'it must be 32 bytes in base64, as openssl rand -base64 32 prints them');
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

/** Two different values of one secret: whichever were taken, the other was meant by somebody. */
function refuseContradiction(file: string, kept: SecretTexts, configured: SecretTexts): void {
  const name = NAMES.find(
    (one) => kept[one] !== undefined && configured[one] !== undefined && kept[one] !== configured[one],
  );
  if (name === undefined) return;
  throw new SecretsRefused(VARIABLES[name], `it differs from ${name} in ${file}: remove the one that is wrong`);
}

function refuseOverData(file: string, missing: readonly SecretName[], options: OpenSecretsOptions): void {
  if (!options.ledgerExists && !options.vaultExists) return;
  const data = options.ledgerExists ? 'ledger' : 'vault';
  const variables = missing.map((name) => VARIABLES[name]).join(' and ');
  throw new SecretsRefused(
    file,
    `it is lost, but there is a ${data} that was written with it: restore it from a backup, or set ${variables} to the values of the first start`,
  );
}
