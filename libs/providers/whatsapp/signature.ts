import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

const SIGNATURE_PATTERN = /^sha256=([0-9a-f]{64})$/i;
const LONGEST_CHALLENGE = 256;

/**
 * Answers the question that Meta asks (`GET`, `hub.mode=subscribe`) when the webhook's address or token is edited: the
 * challenge to send back as the plain body, or undefined where the token is not ours. An unset token matches nothing.
 */
export function verifySubscription(query: Readonly<Record<string, unknown>>, verifyToken: string): string | undefined {
  const token = query['hub.verify_token'];
  const challenge = query['hub.challenge'];
  if (query['hub.mode'] !== 'subscribe' || typeof token !== 'string' || typeof challenge !== 'string') return undefined;
  if (challenge === '' || challenge.length > LONGEST_CHALLENGE) return undefined;
  return verifyToken !== '' && sameText(token, verifyToken) ? challenge : undefined;
}

/**
 * Whether `X-Hub-Signature-256` is the HMAC-SHA-256 of exactly these bytes under the app secret. Anything but one
 * well-formed header is false, never an error; so is every signature while the secret is unset.
 */
export function verifySignature(rawBody: Uint8Array, header: unknown, appSecret: string): boolean {
  const claimed = typeof header === 'string' ? SIGNATURE_PATTERN.exec(header)?.[1] : undefined;
  if (claimed === undefined || appSecret === '') return false;
  const expected = createHmac('sha256', appSecret).update(rawBody).digest();
  return timingSafeEqual(Buffer.from(claimed, 'hex'), expected);
}

/** Compares digests, because `timingSafeEqual` needs equal lengths and the length of a secret is part of it. */
function sameText(one: string, other: string): boolean {
  return timingSafeEqual(sha256(one), sha256(other));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
