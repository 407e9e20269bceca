import { describe, expect, it } from '@jest/globals';
import { completed, personOf, readContacts } from './people.js';

const PHONE = '16505551234';
const USER_ID = 'US.13491208655302741918';

describe('a person as a webhook names them', () => {
  it.each([[PHONE], ['+1 (650) 555-1234'], ['0016505551234'], ['00 1 650 555-1234'], [16_505_551_234]])(
    'is known by the digits of %j',
    (from) => {
      expect(personOf(from, undefined)).toEqual({ phone: PHONE, userId: undefined });
    },
  );

  it.each([
    ['its user id', [{ wa_id: PHONE, user_id: USER_ID }, { wa_id: PHONE }], { phone: PHONE }],
    ['its phone', [{ wa_id: PHONE, user_id: USER_ID }, { user_id: USER_ID }], { userId: USER_ID }],
  ])('keeps what a contact said that comes again without %s', (_what, contacts, person) => {
    for (const list of [contacts, contacts.toReversed()]) {
      expect(completed(person, readContacts(list))).toEqual({ phone: PHONE, userId: USER_ID });
    }
  });
});
