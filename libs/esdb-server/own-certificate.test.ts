import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openOwnCertificate, type OwnCertificate } from './own-certificate.js';

const NOW = new Date('2026-06-01T00:00:00Z');
const DAY_MS = 24 * 60 * 60 * 1_000;
let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'certificate-'));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true });
});

const open = (now = NOW, hosts: string[] = []) => openOwnCertificate({ dataDir, now, hosts });
const authority = () => new X509Certificate(readFileSync(join(dataDir, 'eventstore-ca.pem')));

describe('openOwnCertificate', () => {
  it('makes a certificate for this machine, signed by an authority of its own, and no file that others can read', async () => {
    const made = await open();
    const certificate = new X509Certificate(made.cert);
    expect(made.caFile).toBe(join(dataDir, 'eventstore-ca.pem'));
    expect(certificate.verify(authority().publicKey)).toBe(true);
    expect(authority().ca).toBe(true);
    expect(certificate.ca).toBe(false);
    expect([certificate.checkHost('localhost'), certificate.checkIP('127.0.0.1')]).toEqual(['localhost', '127.0.0.1']);
    for (const file of readdirSync(dataDir)) expect(statSync(join(dataDir, file)).mode & 0o777).toBe(0o600);
  });

  it('keeps both', async () => {
    const first = await open();
    const { fingerprint256 } = authority();
    const again = await open(new Date(NOW.getTime() + 300 * DAY_MS));
    expect(again.cert).toEqual(first.cert);
    expect(authority().fingerprint256).toBe(fingerprint256);
  });

  it.each<[string, () => Promise<OwnCertificate>]>([
    ['it is about to end', () => open(new Date(NOW.getTime() + 705 * DAY_MS))],
    ['it is for another host', () => open(NOW, ['ledger.example', '10.1.2.3'])],
    [
      'its file is damaged',
      () => {
        writeFileSync(join(dataDir, 'eventstore-server.key'), 'torn');
        return open();
      },
    ],
  ])('makes the certificate anew under the same authority where %s', async (_, reopen) => {
    const first = await open();
    const { fingerprint256 } = authority();
    const second = await reopen();
    expect(second.cert).not.toEqual(first.cert);
    expect(authority().fingerprint256).toBe(fingerprint256);
    expect(new X509Certificate(second.cert).verify(authority().publicKey)).toBe(true);
  });

  it('covers the hosts that are asked for', async () => {
    const certificate = new X509Certificate((await open(NOW, ['ledger.example', '10.1.2.3'])).cert);
    expect(certificate.checkHost('ledger.example')).toBe('ledger.example');
    expect(certificate.checkIP('10.1.2.3')).toBe('10.1.2.3');
    expect(certificate.checkHost('other.example')).toBeUndefined();
  });

  it('makes a new authority where its own is about to end', async () => {
    await open();
    const { fingerprint256 } = authority();
    const second = await open(new Date(NOW.getTime() + 20 * 365 * DAY_MS));
    expect(authority().fingerprint256).not.toBe(fingerprint256);
    expect(new X509Certificate(second.cert).verify(authority().publicKey)).toBe(true);
  });
});
