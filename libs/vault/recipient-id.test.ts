import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readAddress } from './address.js';
import { KeyedHash } from './keyed-hash.js';
import { RecipientIds, recipientKey } from './recipient-id.js';

const PEPPER = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex');
const ids = new RecipientIds(PEPPER);

/** The definition, word for word, without anything of ours. */
function defined(business: string, kind: string, form: string): string {
  const own = createHmac('sha256', PEPPER).update('consent-ledger/recipient-key/v1:').update(business).digest();
  return createHmac('sha256', own).update(kind).update(':').update(form).digest('base64url');
}

function idOf(business: string, recipient: object): string {
  const read = readAddress(recipient);
  if (!('kind' in read)) throw new Error('not an address');
  return ids.recipientId(business, read.kind, read.keyForm);
}

describe('recipient ids', () => {
  it.each([
    ['acme', 'phone', '39021234567', 'geOMhSf4EG3dWZBHWjGU6kvSnI-G-NQs5GKKB71NMg0'],
    ['acme', 'email', 'ada@example.org', 'CgHDtl-6SV6LBY7QAuYSue1k_S63WWvFzDL6LxlJzME'],
    ['globex', 'whatsapp_user_id', 'IT.13491208655302741918', 'v0YHQvDjfcHTq1n5aAge8dhq9yiqPRk6HbOA5Z8CCUA'],
  ] as const)('are those that another program computes: %s, %s, %s', (business, kind, form, golden) => {
    expect(ids.recipientId(business, kind, form)).toBe(golden);
    expect(defined(business, kind, form)).toBe(golden);
  });

  it('agree with the definition for any address, of any length and script', () => {
    const business = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/);
    fc.assert(
      fc.property(business, fc.string({ unit: 'grapheme', maxLength: 300 }), (name, form) => {
        expect(ids.recipientId(name, 'email', form)).toBe(defined(name, 'email', form));
      }),
    );
  });

  it('are made from the key that a business may be given', () => {
    const own = createHmac('sha256', PEPPER).update('consent-ledger/recipient-key/v1:acme').digest();
    expect(recipientKey(PEPPER, 'acme')).toEqual(own);
  });

  it('example 15: two businesses never share one, for the same phone number', () => {
    expect(idOf('acme', { phone: '+39 02 1234567' })).not.toBe(idOf('globex', { phone: '+39 02 1234567' }));
  });

  it('example 16: the spellings of one number are one recipient', () => {
    const spellings = ['+39 02 1234567', '0039021234567', '39021234567'];
    expect(new Set(spellings.map((phone) => idOf('acme', { phone }))).size).toBe(1);
  });

  it.each([
    ['+52 55 1234 5678', '5215512345678'],
    ['+54 9 11 2345 6789', '541123456789'],
    ['+55 11 9 8765 4321', '551187654321'],
  ])('example 17: %s and %s are one recipient', (form, whatsapp) => {
    expect(idOf('acme', { phone: form })).toBe(idOf('acme', { phone: whatsapp }));
  });

  it('keep apart the kinds of address', () => {
    expect(ids.recipientId('acme', 'phone', '1')).not.toBe(ids.recipientId('acme', 'email', '1'));
  });

  it('stay the same when more businesses are in use than are remembered', () => {
    const few = new RecipientIds(PEPPER, 2);
    for (const business of ['a', 'b', 'c', 'a', 'c', 'b', 'a', 'a']) {
      expect(few.recipientId(business, 'phone', '1')).toBe(defined(business, 'phone', '1'));
    }
  });
});

describe('command and event ids', () => {
  const part = fc.string({ unit: 'binary', maxLength: 6 });
  const parts = fc.tuple(part, part, part, part);

  it('never tell two commands as one', () => {
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(ids.commandId(...one) === ids.commandId(...other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
    expect(ids.commandId('a', 'b', 'c', 'd')).not.toBe(ids.commandId('a', 'b', 'cd', ''));
    expect(ids.commandId('a', 'b', '', '\ud800')).not.toBe(ids.commandId('a', 'b', '', '\ud801'));
  });

  it('are stable, and events of one command differ', () => {
    const command = ids.commandId('acme', 'grants', 'someone', 'key');
    expect(ids.commandId('acme', 'grants', 'someone', 'key')).toBe(command);
    expect(ids.eventId(command, 0)).toBe(ids.eventId(command, 0));
    expect(ids.eventId(command, 0)).not.toBe(ids.eventId(command, 1));
  });

  it('format events as UUIDs of version 8', () => {
    const events = Array.from({ length: 200 }, (_, index) => ids.eventId('command', index));
    for (const event of events)
      expect(event).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(events).size).toBe(events.length);
  });

  it('cannot be made without the pepper', () => {
    const others = new RecipientIds(Buffer.alloc(32, 7));
    expect(others.commandId('a', 'b', 'c', 'd')).not.toBe(ids.commandId('a', 'b', 'c', 'd'));
    expect(others.eventId('a', 0)).not.toBe(ids.eventId('a', 0));
    expect(others.fingerprint({})).not.toBe(ids.fingerprint({}));
  });
});

describe('fingerprints of requests', () => {
  it('do not depend on the order of members, and on nothing else but content', () => {
    const one = ids.fingerprint({ a: 1, b: { c: [1, 2], d: null } });
    expect(ids.fingerprint({ b: { d: null, c: [1, 2] }, a: 1 })).toBe(one);
    expect(ids.fingerprint({ a: 1, b: { c: [2, 1], d: null } })).not.toBe(one);
    expect(ids.fingerprint(JSON.parse('{"__proto__": 1}'))).not.toBe(ids.fingerprint({}));
  });

  it('are equal exactly where the JSON is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const copy: unknown = JSON.parse(JSON.stringify(one));
        expect(ids.fingerprint(copy)).toBe(ids.fingerprint(one));
        fc.pre(typeof one !== typeof other);
        expect(ids.fingerprint(other)).not.toBe(ids.fingerprint(one));
      }),
    );
  });
});

describe('KeyedHash', () => {
  it('is HMAC-SHA-256, on both sides of the length where it changes its way', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.string({ unit: 'binary', maxLength: 400 }), (key, text) => {
        const expected = createHmac('sha256', key).update(text).digest('hex');
        expect(new KeyedHash(key).digest(text, 'hex')).toBe(expected);
      }),
    );
    for (const length of [0, 159, 160, 161, 1000]) {
      const text = '\u20ac'.repeat(length);
      const expected = createHmac('sha256', PEPPER).update(text).digest('base64url');
      expect(new KeyedHash(PEPPER).digest(text, 'base64url')).toBe(expected);
    }
  });

  it('refuses a key that would have to be hashed first', () => {
    expect(() => new KeyedHash(new Uint8Array(65))).toThrow(RangeError);
  });
});
