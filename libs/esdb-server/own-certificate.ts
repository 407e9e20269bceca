import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { generate, type CertificateExtension } from 'selfsigned';
import { syncDirectory } from '#sqlite';

const DAY_MS = 24 * 60 * 60 * 1_000;
const AUTHORITY_DAYS = 20 * 365;
const SERVER_DAYS = 2 * 365;
/** A certificate that ends sooner than this is made anew. */
const RENEW_DAYS = 30;

export interface OwnCertificateOptions {
  readonly dataDir: string;
  /** Names and addresses by which clients call, beside those of this machine for itself. */
  readonly hosts?: readonly string[];
  readonly now: Date;
}

export interface OwnCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** What clients are told to trust (`tlsCAFile`). It stays the same when the server's certificate is made anew. */
  readonly caFile: string;
}

/**
 * The certificate of a server that was given none: an authority of its own, made at the first start, and a certificate
 * signed by it, made anew when it is about to end, when another host is asked for, or when a file is damaged. All files
 * have mode 0600. Throws where the directory cannot be written.
 */
export async function openOwnCertificate(options: OwnCertificateOptions): Promise<OwnCertificate> {
  const { dataDir, now } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const caFile = join(dataDir, 'eventstore-ca.pem');
  const authority = await openPair(join(dataDir, 'eventstore-ca.key'), now, makeAuthority);
  writePrivately(caFile, authority.cert);
  const hosts = [...new Set(['localhost', '127.0.0.1', '::1', ...(options.hosts ?? [])])];
  const isFit = (pair: Pair) => isSignedBy(pair, authority) && hosts.every((host) => covers(pair, host));
  const make = () => makeServerPair(authority, hosts, now);
  const pair = await openPair(join(dataDir, 'eventstore-server.key'), now, make, isFit);
  return { cert: Buffer.from(pair.cert), key: Buffer.from(pair.key), caFile };
}

/** A certificate and its key, PEM, kept together in one file so that they cannot fall apart. */
interface Pair {
  readonly cert: string;
  readonly key: string;
}

async function openPair(
  file: string,
  now: Date,
  make: (now: Date) => Promise<Pair>,
  isFit: (pair: Pair) => boolean = () => true,
): Promise<Pair> {
  const known = readPair(file);
  if (known && lasts(known, now) && isFit(known)) return known;
  const pair = await make(now);
  writePrivately(file, `${pair.cert.trim()}\n${pair.key.trim()}\n`);
  return pair;
}

/** Undefined where there is none, or none that can be read, or key and certificate do not belong together. */
function readPair(file: string): Pair | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, 'utf8');
  const [cert] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(text) ?? [];
  const [key] = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/.exec(text) ?? [];
  if (cert === undefined || key === undefined) return undefined;
  return belongTogether(cert, key) ? { cert, key } : undefined;
}

function belongTogether(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function lasts({ cert }: Pair, now: Date): boolean {
  return Date.parse(new X509Certificate(cert).validTo) - now.getTime() > RENEW_DAYS * DAY_MS;
}

function isSignedBy({ cert }: Pair, authority: Pair): boolean {
  return new X509Certificate(cert).verify(new X509Certificate(authority.cert).publicKey);
}

function covers({ cert }: Pair, host: string): boolean {
  const certificate = new X509Certificate(cert);
  return (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined;
}

function makeAuthority(now: Date): Promise<Pair> {
  return makePair('Consent Ledger', AUTHORITY_DAYS, now, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ]);
}

function makeServerPair(authority: Pair, hosts: readonly string[], now: Date): Promise<Pair> {
  const altNames = hosts.map((host) =>
    isIP(host) ? { type: 7 as const, ip: host } : { type: 2 as const, value: host },
  );
  const extensions: CertificateExtension[] = [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames },
  ];
  return makePair('localhost', SERVER_DAYS, now, extensions, authority);
}

/** Valid from a day ago, because the clocks of clients differ. */
async function makePair(
  commonName: string,
  days: number,
  now: Date,
  extensions: CertificateExtension[],
  authority?: Pair,
): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(now.getTime() - DAY_MS),
    notAfterDate: new Date(now.getTime() + days * DAY_MS),
    extensions,
    ...(authority ? { ca: authority } : {}),
  });
  return { cert: made.cert, key: made.private };
}

/** Either the whole of it is there, or what was there before. */
function writePrivately(file: string, content: string): void {
  if (existsSync(file) && readFileSync(file, 'utf8') === content) return chmodSync(file, 0o600);
  const handle = openSync(`${file}.new`, 'w', 0o600);
  try {
    writeSync(handle, content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(`${file}.new`, file);
  syncDirectory(join(file, '..'));
}
