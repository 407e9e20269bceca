import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { verifySignature, verifySubscription } from './signature.js';

const SECRET = 'app-secret';
const BODY = Buffer.from('{"object":"whatsapp_business_account","entry":[]}');

function signed(bytes: Uint8Array, secret = SECRET): string {
  return `sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`;
}

describe('verifySubscription', () => {
  const QUERY = { 'hub.mode': 'subscribe', 'hub.challenge': '1158201444', 'hub.verify_token': 'our-token' };

  it('answers the challenge to whoever knows the token', () => {
    expect(verifySubscription(QUERY, 'our-token')).toBe('1158201444');
  });

  it.each([
    ['another token', { ...QUERY, 'hub.verify_token': 'our-tokem' }],
    ['a token of another length', { ...QUERY, 'hub.verify_token': 'our' }],
    ['no token', { 'hub.mode': 'subscribe', 'hub.challenge': '1' }],
    ['two tokens', { ...QUERY, 'hub.verify_token': ['our-token', 'our-token'] }],
    ['another mode', { ...QUERY, 'hub.mode': 'unsubscribe' }],
    ['no challenge', { 'hub.mode': 'subscribe', 'hub.verify_token': 'our-token' }],
    ['an empty challenge', { ...QUERY, 'hub.challenge': '' }],
    ['an endless challenge', { ...QUERY, 'hub.challenge': '1'.repeat(257) }],
    ['nothing', {}],
  ])('answers nothing to %s', (_what, query) => {
    expect(verifySubscription(query, 'our-token')).toBeUndefined();
  });

  it('answers nothing while no token is set', () => {
    expect(verifySubscription({ ...QUERY, 'hub.verify_token': '' }, '')).toBeUndefined();
  });
});

describe('verifySignature', () => {
  it('accepts the HMAC-SHA-256 of the raw bytes, as RFC 4231 computes it', () => {
    const [key, data] = ['Jefe', Buffer.from('what do ya want for nothing?')];
    const header = 'sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
    expect(verifySignature(data, header, key)).toBe(true);
    expect(verifySignature(data, header.replace('5bdcc', '5BDCC'), key)).toBe(true);
  });

  it('is about the bytes, not about the JSON they mean', () => {
    expect(verifySignature(BODY, signed(BODY), SECRET)).toBe(true);
    expect(verifySignature(Buffer.concat([BODY, Buffer.from(' ')]), signed(BODY), SECRET)).toBe(false);
  });

  it('refuses a signature under another secret, and every signature while no secret is set', () => {
    expect(verifySignature(BODY, signed(BODY, 'other'), SECRET)).toBe(false);
    expect(verifySignature(BODY, signed(BODY, ''), '')).toBe(false);
  });

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['an array', [signed(BODY)]],
    ['an object', { toString: () => signed(BODY) }],
    ['an empty text', ''],
    ['no prefix', signed(BODY).slice('sha256='.length)],
    ['another algorithm', signed(BODY).replace('sha256', 'sha1')],
    ['too short', signed(BODY).slice(0, -2)],
    ['too long', `${signed(BODY)}00`],
    ['no hex', `sha256=${'z'.repeat(64)}`],
    ['two in one header', `${signed(BODY)}, ${signed(BODY)}`],
  ])('refuses a header that is %s', (_what, header) => {
    expect(verifySignature(BODY, header, SECRET)).toBe(false);
  });
});
