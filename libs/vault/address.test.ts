import { describe, expect, it } from '@jest/globals';
import { isRecipientId, readAddress } from './address.js';

const RECIPIENT_ID = 'J3uBvvJv0lKZ1lDqj4nCzJmXW9u6qT0m3rD7o1ZQxYA';

describe('readAddress', () => {
  it('reads each kind, keeping what was given', () => {
    expect(readAddress({ phone: '+39 02 1234567' })).toEqual({
      kind: 'phone',
      given: '+39 02 1234567',
      keyForm: '39021234567',
    });
    expect(readAddress({ email: ' Ada@B\u00fccher.example ' })).toEqual({
      kind: 'email',
      given: ' Ada@B\u00fccher.example ',
      keyForm: 'ada@xn--bcher-kva.example',
    });
    expect(readAddress({ whatsappUserId: 'US.ENT.11815799212886844830' })).toEqual({
      kind: 'whatsapp_user_id',
      given: 'US.ENT.11815799212886844830',
      keyForm: 'US.ENT.11815799212886844830',
    });
    expect(readAddress({ recipientId: RECIPIENT_ID })).toEqual({ recipientId: RECIPIENT_ID });
  });

  it('example 16: the spellings of one phone number are one recipient, also with a default region', () => {
    for (const phone of ['+39 02 1234567', '0039021234567', '39021234567']) {
      expect(readAddress({ phone })).toMatchObject({ keyForm: '39021234567' });
      expect(readAddress({ phone }, { defaultRegion: 'IT' })).toMatchObject({ keyForm: '39021234567' });
      expect(readAddress({ phone }, { defaultRegion: 'US' })).toMatchObject({ keyForm: '39021234567' });
    }
  });

  it('example 16: an unparseable number is refused on a grant and kept by its digits on a revocation', () => {
    const phone = 'ask for 12-34';
    expect(readAddress({ phone })).toMatchObject({ problem: 'invalid', field: 'phone' });
    const kept = { kind: 'phone', given: phone, keyForm: '1234', unparsed: true };
    expect(readAddress({ phone }, { lenient: true })).toEqual(kept);
    expect(readAddress({ phone: 'ask me' }, { lenient: true })).toMatchObject({ problem: 'invalid', field: 'phone' });
  });

  it.each([
    [undefined, 'none', ''],
    [null, 'none', ''],
    ['+39021234567', 'none', ''],
    [[], 'none', ''],
    [{}, 'none', ''],
    [{ phone: null, email: undefined }, 'none', ''],
    [{ phone: '+39021234567', email: 'ada@example.org' }, 'several', ''],
    [{ phone: 39021234567 }, 'invalid', 'phone'],
    [{ phone: { toString: () => '1' } }, 'invalid', 'phone'],
    [{ whatsappUserId: '12345' }, 'invalid', 'whatsappUserId'],
    [{ whatsappUserId: `IT.${'1'.repeat(129)}` }, 'invalid', 'whatsappUserId'],
    [{ recipientId: `${RECIPIENT_ID}A` }, 'invalid', 'recipientId'],
  ])('refuses %j as %s', (recipient, problem, field) => {
    expect(readAddress(recipient)).toMatchObject({ problem, field });
  });

  it('lets null stand for a field that is not given', () => {
    expect(readAddress({ phone: '+39021234567', email: null })).toMatchObject({ keyForm: '39021234567' });
  });

  it('never repeats the value in a message', () => {
    for (const recipient of [
      { phone: '12x3404' },
      { email: '12x3404' },
      { whatsappUserId: '12x3404' },
      { recipientId: '12x3404' },
    ]) {
      expect(JSON.stringify(readAddress(recipient))).not.toContain('12x3404');
    }
  });

  it.each([
    'plain',
    '@example.org',
    'ada@',
    'ada@localhost',
    'ada@exa mple.org',
    'ada\u0000@example.org',
    'a@b@example.org',
    'ada@-.example',
    'ada@example..org',
    `${'a'.repeat(65)}@example.org`,
    `ada@${'a.'.repeat(126)}org`,
  ])('does not take %j for an e-mail address, save for a revocation', (email) => {
    expect(readAddress({ email })).toMatchObject({ problem: 'invalid', field: 'email' });
    const kept = { kind: 'email', given: email, keyForm: email.trim().toLowerCase(), unparsed: true };
    expect(readAddress({ email }, { lenient: true })).toEqual(kept);
  });

  it.each([
    'Ada <ada@example.org>',
    '"Ada" <Ada@Example.org>',
    'mailto:ada@example.org?subject=stop',
    'ada@example.org;',
    'lovelace, ada@example.org.',
  ])('finds for a revocation the e-mail address inside %j', (email) => {
    expect(readAddress({ email })).toMatchObject({ problem: 'invalid', field: 'email' });
    const found = { kind: 'email', given: email, keyForm: 'ada@example.org', unparsed: true };
    expect(readAddress({ email }, { lenient: true })).toEqual(found);
  });

  it.each(['us.13491208655302741918', '\u200eUS.13491208655302741918', 'id: Us.13491208655302741918.'])(
    'finds for a revocation the user id inside %j',
    (whatsappUserId) => {
      expect(readAddress({ whatsappUserId })).toMatchObject({ problem: 'invalid', field: 'whatsappUserId' });
      const found = { kind: 'whatsapp_user_id', given: whatsappUserId, keyForm: 'US.13491208655302741918' };
      expect(readAddress({ whatsappUserId }, { lenient: true })).toEqual({ ...found, unparsed: true });
      const parent = { whatsappUserId: 'us.ent.Ab1' };
      expect(readAddress(parent, { lenient: true })).toMatchObject({ keyForm: 'US.ENT.Ab1' });
    },
  );

  it('takes for a revocation a recipient id with white space around it', () => {
    const recipientId = 'kKNXpvrSJLxoCZBOVMOVkkWOXzB70YIzlsUZITOcigs';
    expect(readAddress({ recipientId: `${recipientId}\n` })).toMatchObject({ problem: 'invalid' });
    expect(readAddress({ recipientId: ` ${recipientId}\n` }, { lenient: true })).toEqual({ recipientId });
  });

  it.each([
    ['ADA@EXAMPLE.ORG', 'ada@example.org'],
    ["o'hara+news@mail.example.co.uk", "o'hara+news@mail.example.co.uk"],
    ['jose\u0301@example.org', 'jos\u00e9@example.org'],
    ['ada@xn--bcher-kva.example', 'ada@xn--bcher-kva.example'],
  ])('reads the e-mail address %s as %s', (email, keyForm) => {
    expect(readAddress({ email })).toMatchObject({ keyForm });
  });

  it('keeps for a revocation whatever names a person: a bare JSON number, a user id of another form', () => {
    expect(readAddress({ phone: 39021234567 }, { lenient: true })).toMatchObject({ keyForm: '39021234567' });
    const kept = { keyForm: 'no-dot', unparsed: true };
    expect(readAddress({ whatsappUserId: ' no-dot ' }, { lenient: true })).toMatchObject(kept);
    expect(readAddress({ email: '  ' }, { lenient: true })).toMatchObject({ problem: 'invalid' });
  });
});

describe('isRecipientId', () => {
  it('knows the one spelling of 32 bytes', () => {
    expect(isRecipientId(RECIPIENT_ID)).toBe(true);
    for (const other of [
      '',
      RECIPIENT_ID.slice(1),
      `${RECIPIENT_ID.slice(0, -1)}B`,
      `${RECIPIENT_ID.slice(0, -1)}=`,
      1,
    ]) {
      expect(isRecipientId(other)).toBe(false);
    }
  });
});
