import { describe, expect, it } from '@jest/globals';
import { ADDRESS_KINDS, keyForm } from './key-form.js';

describe('the key form of a phone number', () => {
  it.each([
    ['+390212345678', '390212345678', 'keeps the leading zero of an Italian fixed line'],
    ['5215512345678', '525512345678', 'drops the old 1 of a Mexican mobile'],
    ['525512345678', '525512345678', 'and leaves the new spelling'],
    ['5491123456789', '541123456789', 'drops the 9 of an Argentine mobile'],
    ['541123456789', '541123456789', 'and leaves the one without'],
    ['5511987654321', '551187654321', 'drops the ninth digit of a Brazilian mobile'],
    ['551187654321', '551187654321', 'and leaves the one without'],
    ['5511961234567', '551161234567', 'a Brazilian mobile may begin with 6'],
    ['5511951234567', '5511951234567', 'but not with 5'],
    ['5511887654321', '5511887654321', 'what is no ninth digit of 9 stays'],
    ['5411987654321', '5411987654321', 'the ninth digit is Brazilian only'],
    ['52155123456789', '52155123456789', 'a digit too many: not this variant'],
    ['521551234567', '521551234567', 'a digit too few: not this variant'],
    ['54911234567', '54911234567', 'the same for Argentina'],
    ['551198765432', '551198765432', 'and for Brazil'],
    ['15215512345678', '15215512345678', 'the country code stands in front'],
    ['', '', 'nothing stays nothing'],
  ])('%s gives %s: %s', (given, expected) => {
    expect(keyForm('phone', given)).toBe(expected);
    expect(keyForm('phone', `+${given.replace('+', '')}`)).toBe(expected);
    expect(keyForm('phone', keyForm('phone', given))).toBe(expected);
  });
});

it('leaves addresses of other kinds as they were normalised', () => {
  expect(keyForm('email', '5215512345678')).toBe('5215512345678');
  expect(keyForm('email', '+a@example.org')).toBe('+a@example.org');
  expect(keyForm('whatsapp_user_id', 'IT.13491208655302741918')).toBe('IT.13491208655302741918');
  expect(ADDRESS_KINDS).toEqual(['phone', 'email', 'whatsapp_user_id']);
});
