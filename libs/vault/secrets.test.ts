import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SecretsRefused } from './secret-file.js';
import { fingerprintOf, openAdminKey, openSecrets, readPepper } from './secrets.js';

const PEPPER = Buffer.alloc(32, 1).toString('base64');
const KEY = Buffer.alloc(32, 2).toString('base64');
const NOTHING_YET = { ledgerExists: false, vaultExists: false };
const LEDGER = { ledgerExists: true, vaultExists: false };

let dataDir: string;
let file: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'vault-secrets-'));
  file = join(dataDir, 'secrets.json');
});
afterEach(() => rmSync(dataDir, { recursive: true }));

function refusal(open: () => unknown): SecretsRefused {
  try {
    open();
  } catch (error) {
    if (error instanceof SecretsRefused) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('openSecrets', () => {
  it('makes both at the first start, for their owner alone, and finds them again', () => {
    const made = openSecrets({ dataDir, ...NOTHING_YET });
    expect([made.pepper.length, made.keyEncryptionKey.length]).toEqual([32, 32]);
    expect(made.pepper.equals(made.keyEncryptionKey)).toBe(false);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(['secrets.json']);
    expect(openSecrets({ dataDir, ledgerExists: true, vaultExists: true })).toEqual(made);
  });

  it('makes the data directory for its owner alone', () => {
    const inside = join(dataDir, 'data');
    openSecrets({ dataDir: inside, ...NOTHING_YET });
    expect(statSync(inside).mode & 0o777).toBe(0o700);
  });

  it('takes configured ones and writes none of them down', () => {
    const secrets = openSecrets({ dataDir, pepper: PEPPER, keyEncryptionKey: `${KEY}\n`, ...LEDGER });
    expect([secrets.pepper[0], secrets.keyEncryptionKey[0]]).toEqual([1, 2]);
    expect(existsSync(file)).toBe(false);
  });

  it('makes at the first start only what is not configured', () => {
    const made = openSecrets({ dataDir, pepper: PEPPER, ...NOTHING_YET });
    expect(readFileSync(file, 'utf8')).not.toContain('pepper');
    expect(openSecrets({ dataDir, pepper: PEPPER, ...LEDGER })).toEqual(made);
  });

  it.each([
    ['ledger', { ledgerExists: true, vaultExists: false }],
    ['vault', { ledgerExists: false, vaultExists: true }],
  ])('refuses to make new ones over an existing %s', (data, existing) => {
    const { source, message } = refusal(() => openSecrets({ dataDir, ...existing }));
    expect(source).toBe(file);
    expect(message).toContain(`there is a ${data}`);
    expect(message).toContain('PEPPER and KEY_ENCRYPTION_KEY');
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it('refuses over an existing ledger where one of the two is lost', () => {
    openSecrets({ dataDir, pepper: PEPPER, ...NOTHING_YET });
    expect(refusal(() => openSecrets({ dataDir, ...LEDGER })).message).toContain('set PEPPER to');
  });

  it.each(['', '{"pepper": "AAAA', 'null', '"text"', '[]x'])('refuses a damaged file: %j', (text) => {
    writeFileSync(file, text, { mode: 0o600 });
    const { source, message } = refusal(() => openSecrets({ dataDir, ...NOTHING_YET }));
    expect([source, message.includes('restore it from a backup')]).toEqual([file, true]);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it.each(['AAAA', KEY.slice(1), `${KEY}${KEY}`, KEY.replace('A', '*'), KEY.replace('=', ''), 7, null])(
    'refuses %j in the file, naming it',
    (pepper) => {
      writeFileSync(file, JSON.stringify({ pepper, keyEncryptionKey: KEY }), { mode: 0o600 });
      expect(refusal(() => openSecrets({ dataDir, ...LEDGER })).source).toBe(`pepper in ${file}`);
    },
  );

  it('refuses a configured value that is none, naming the variable and not the value', () => {
    const { source, message } = refusal(() => openSecrets({ dataDir, keyEncryptionKey: 'hunter2', ...NOTHING_YET }));
    expect(source).toBe('KEY_ENCRYPTION_KEY');
    expect(message).toContain('openssl rand -base64 32');
    expect(message).not.toContain('hunter2');
  });

  it('refuses where file and configuration differ', () => {
    writeFileSync(file, JSON.stringify({ pepper: PEPPER, keyEncryptionKey: KEY }), { mode: 0o600 });
    const { source } = refusal(() => openSecrets({ dataDir, pepper: KEY, ...LEDGER }));
    expect(source).toBe('PEPPER');
    expect(openSecrets({ dataDir, pepper: PEPPER, ...LEDGER }).pepper[0]).toBe(1);
  });

  it.each([0o640, 0o604, 0o620])('refuses a file with mode %o', (mode) => {
    openSecrets({ dataDir, ...NOTHING_YET });
    chmodSync(file, mode);
    const { source, message } = refusal(() => openSecrets({ dataDir, ...LEDGER }));
    expect([source, message.includes('chmod 600')]).toEqual([file, true]);
  });
});

describe('readPepper', () => {
  it('is that of the configuration or of the file, and nothing is made where there is none', () => {
    expect(readPepper({ dataDir })).toBeUndefined();
    expect(existsSync(file)).toBe(false);
    expect(readPepper({ dataDir, pepper: PEPPER })).toEqual(Buffer.alloc(32, 1));
    const { pepper } = openSecrets({ dataDir, ...NOTHING_YET });
    expect(readPepper({ dataDir })).toEqual(pepper);
  });

  it('needs no other secret, and refuses two that differ', () => {
    writeFileSync(file, JSON.stringify({ pepper: PEPPER }), { mode: 0o600 });
    expect(readPepper({ dataDir })).toEqual(Buffer.alloc(32, 1));
    expect(refusal(() => readPepper({ dataDir, pepper: KEY })).source).toBe('PEPPER');
    expect(refusal(() => readPepper({ dataDir, pepper: 'hunter2' })).source).toBe('PEPPER');
  });
});

describe('fingerprintOf', () => {
  it('tells secrets apart and tells nothing of them', () => {
    const [one, other] = [fingerprintOf(Buffer.alloc(32, 1)), fingerprintOf(Buffer.alloc(32, 2))];
    expect(one).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(fingerprintOf(Buffer.alloc(32, 1))).toBe(one);
    expect(other).not.toBe(one);
  });
});

describe('openAdminKey', () => {
  it('is made at the first start, for its owner alone, and found again', () => {
    const made = openAdminKey({ dataDir });
    expect(made.file).toBe(join(dataDir, 'admin.key'));
    expect(made.key).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(statSync(join(dataDir, 'admin.key')).mode & 0o777).toBe(0o600);
    expect(openAdminKey({ dataDir })).toEqual(made);
  });

  it('is the configured one where there is one', () => {
    const configured = 'a'.repeat(32);
    expect(openAdminKey({ dataDir, configured })).toEqual({ key: configured });
    expect(existsSync(join(dataDir, 'admin.key'))).toBe(false);
  });

  it('refuses one that could be guessed, is damaged or can be read by others', () => {
    expect(refusal(() => openAdminKey({ dataDir, configured: 'secret' })).source).toBe('ADMIN_KEY');
    const { file: adminFile = '' } = openAdminKey({ dataDir });
    chmodSync(adminFile, 0o644);
    expect(refusal(() => openAdminKey({ dataDir })).source).toBe(adminFile);
    writeFileSync(adminFile, '');
    chmodSync(adminFile, 0o600);
    expect(refusal(() => openAdminKey({ dataDir })).source).toBe(adminFile);
  });
});
