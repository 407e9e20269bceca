import { createSecureContext } from 'node:tls';
import type { Values } from './config-variables.js';

/** PEM texts: the certificate chain and its private key. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** The pair of PEM texts, checked to belong together; undefined where there is none or something is wrong with it. */
export function readTls(
  values: Pick<Values, 'TLS_CERT' | 'TLS_KEY'>,
  readFile: (path: string) => string,
  faults: string[],
): Tls | undefined {
  const { TLS_CERT, TLS_KEY } = values;
  if (TLS_CERT === undefined && TLS_KEY === undefined) return undefined;
  if (TLS_CERT === undefined || TLS_KEY === undefined) {
    faults.push('TLS_CERT and TLS_KEY belong together: set both or neither');
    return undefined;
  }
  const cert = readPem('TLS_CERT', TLS_CERT, readFile, faults);
  const key = readPem('TLS_KEY', TLS_KEY, readFile, faults);
  return cert === undefined || key === undefined ? undefined : checkPair(cert, key, faults);
}

/** A PEM text that is given itself or by its path; undefined, and a fault, where the file cannot be read. */
export function readPem(
  name: string,
  text: string,
  readFile: (path: string) => string,
  faults: string[],
): string | undefined {
  if (text.startsWith('-----BEGIN')) return text;
  try {
    return readFile(text);
  } catch (error) {
    faults.push(`${name} names a PEM file that cannot be read (${causeOf(error)}): mend its path or its mode`);
    return undefined;
  }
}

function checkPair(cert: string, key: string, faults: string[]): Tls | undefined {
  try {
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (error) {
    faults.push(`TLS_CERT and TLS_KEY are not a PEM certificate and its unencrypted private key (${causeOf(error)})`);
    return undefined;
  }
}

/** `ENOENT`, `EACCES`, …: says what is wrong and repeats no path and no value. */
export function causeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown cause';
}
