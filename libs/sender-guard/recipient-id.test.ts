import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { AddressInvalid, recipientId } from './recipient-id.js';

const key = randomBytes(32);
const hmac = (text: string) => createHmac('sha256', key).update(text).digest('base64url');

describe('a recipient id that the sender makes', () => {
  it('is the hash of the key form', () => {
    expect(recipientId({ key, phone: '+39021234567' })).toBe(hmac('phone:39021234567'));
    expect(recipientId({ key, phone: '+5215512345678' })).toBe(hmac('phone:525512345678'));
    expect(recipientId({ key, email: ' Ada@BÜCHER.example ' })).toBe(hmac('email:ada@xn--bcher-kva.example'));
    expect(recipientId({ key, whatsappUserId: 'IT.1349abc' })).toBe(hmac('whatsapp_user_id:IT.1349abc'));
  });

  it.each([
    { phone: '39021234567' },
    { phone: '+39 02 1234567' },
    { phone: '0039021234567' },
    { email: 'ada' },
    { email: 'Ada <ada@example.com>' },
    { whatsappUserId: '1349' },
  ])('is refused for what the ledger would have to interpret, and the error never holds it: %j', (address) => {
    const make = () => recipientId({ key, ...address });
    expect(make).toThrow(AddressInvalid);
    for (const value of Object.values(address)) expect(make).not.toThrow(value);
  });

  it('needs the key of the business', () => {
    expect(() => recipientId({ key: Buffer.alloc(31), phone: '+39021234567' })).toThrow(AddressInvalid);
  });
});
