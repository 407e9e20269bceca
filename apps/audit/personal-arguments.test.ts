import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UsageError } from './failures.js';
import { refuseAddresses } from './personal-arguments.js';

function isRefused(...args: readonly string[]): boolean {
  try {
    refuseAddresses(args);
    return false;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    expect(error.message).toContain('standard input');
    expect(args.filter((arg) => error.message.includes(arg))).toEqual([]);
    return true;
  }
}

describe('an address among the arguments', () => {
  it.each([
    '+393331234567',
    '+39 333 123 4567',
    '+39 (333) 123-4567',
    '0039 333 1234567',
    '333 123 4567',
    '393331234567',
    'tel:+393331234567',
    '%2B393331234567',
    '＋３９３３３１２３４５６７',
    '٣٩٣٣٣١٢٣٤٥٦٧',
    'maria@example.com',
    'Maria <maria.rossi+x@mail.example.com>',
    'maria%40example.com',
    'IT.13491208655302741918',
    'US.ENT.11815799212886844830',
    'wamid.HBgLMzkzMzMxMjM0NTY3',
    '--recipient=+393331234567',
    '--type=maria@example.com',
  ])('%s is refused', (arg) => {
    expect(isRefused('replay', '--recipient', arg)).toBe(true);
  });

  it.each([
    '2026-05-04',
    '2026-05-04T12:00:00Z',
    '2026-05-04T12:00:00.000+02:00',
    '--since=2026-05-04',
    'esdb://admin:changeit@ledger.example.com:2113?tls=true',
    'esdb+discover://ledger.example.com',
    '-awlVuzCUA73gA6x.11',
    'business-acme',
    '/backups/20261125120000/data',
    './data@home/ledger',
    'report-2026.csv',
  ])('%s is none', (arg) => {
    expect(isRefused('replay', '--out', arg)).toBe(false);
  });

  it.each(['--business', '--purpose', '--sender'])('is not seen in an id of digits alone behind %s', (option) => {
    expect(isRefused('explain', option, '106540352242922')).toBe(false);
    expect(isRefused('explain', `${option}=20261125`)).toBe(false);
    expect(isRefused('explain', `${option}=+393331234567`)).toBe(true);
    expect(isRefused('explain', option, '20261125', '393331234567')).toBe(true);
    expect(isRefused('explain', `--recipient=${option}`, '393331234567')).toBe(true);
  });

  it('is found in whatever way an international number is grouped', () => {
    const digits = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 7, maxLength: 15 });
    const grouped = fc.tuple(digits, fc.constantFrom('', ' ', '-', '.', '/'), fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(grouped, ([number, separator, size]) => {
        const text = number.map((digit, index) => (index % size === 0 && index > 0 ? separator : '') + digit).join('');
        expect(isRefused(`+${text}`)).toBe(true);
      }),
    );
  });

  it('is not seen in a recipient id', () => {
    const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64url'));
    fc.assert(fc.property(id, (recipientId) => expect(isRefused('--recipient', recipientId)).toBe(false)));
  });
});
