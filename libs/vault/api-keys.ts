import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ApiKey } from './port.js';

/** The prefix lets secret scanners recognise a leaked key. */
const API_KEY = /^clk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;
const KEY_ID_BYTES = 8;
const SECRET_BYTES = 32;

export type NewApiKey = Omit<ApiKey, 'keyId' | 'secretSha256'>;

/** `secret` is shown once and kept nowhere: `clk_<keyId>_<32 random bytes, base64url>`. */
export function makeApiKey(details: NewApiKey): { readonly key: ApiKey; readonly secret: string } {
  const keyId = randomBytes(KEY_ID_BYTES).toString('hex');
  const secret = `clk_${keyId}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  return { key: { ...details, keyId, secretSha256: sha256(secret).toString('hex') }, secret };
}

/** The id to look a caller's key up by; undefined where the text has not the shape of a key. */
export function parseApiKey(secret: string): { readonly keyId: string } | undefined {
  const keyId = API_KEY.exec(secret)?.[1];
  return keyId === undefined ? undefined : { keyId };
}

/** Takes the same time wherever the secret differs. SHA-256 without salt is enough for 256 random bits. */
export function verifyApiKey(key: ApiKey, secret: string): boolean {
  const stored = Buffer.from(key.secretSha256, 'hex');
  const offered = sha256(secret);
  return stored.length === offered.length && timingSafeEqual(stored, offered);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
