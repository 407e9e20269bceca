import { describe, expect, it } from '@jest/globals';
import { MARKETING_STOPS, STOP_WORDS, WORDS_WITH_OTHER_MEANINGS } from './opt-out-word-lists.js';
import { readOptOut, readOptOutButton } from './opt-out-words.js';
import { CHANNELS } from './vocabulary.js';

const EVERYTHING = { categories: ['*'] };
const MARKETING = { categories: ['marketing'] };

describe('a message that is an opt-out word', () => {
  it.each([
    'stop',
    'Stop!',
    'STOP.',
    ' stop \n',
    '"Stop"',
    '¡STOP!',
    'Ｓｔｏｐ',
    '𝗦𝗧𝗢𝗣',
    '🛑 STOP 🛑',
    '👎🏽stop👨‍👩‍👧',
    'ℹ️stop®️',
    'STOP 1️⃣',
    '🇮🇹 stop',
    '\u200Fstop\u200B',
    'st\u00ADop',
    'STOP STOP STOP',
    'STOP🛑STOP',
    'opt🛑out',
    'STOP ALL',
    'stop-all',
    'opt-out',
    'opt out',
    'OPTOUT',
    'arrêt',
    'ARRET',
    'ARRE\u0302T',
    'baja',
    'parar',
    'Não quero mais receber nada.',
    'wypisz się',
    'ABONELİKTEN ÇIK',
    'aboneliği iptal et',
    'стоп',
    'ΣΤΟΠ',
    '退订',
    '수신거부',
    'ⓈⓉⓄⓅ',
  ])('%j stops everything on any channel', (text) => {
    for (const channel of CHANNELS) expect(readOptOut(text, channel)).toEqual(EVERYTHING);
  });

  it.each([
    'cancel',
    'END',
    'quit.',
    'revoke',
    'cancelar',
    'FIN',
    'Kündigen',
    'KUENDIGEN',
    'ayrıl',
    'AYRIL',
    'remove me',
  ])('%j stops everything on SMS and marketing elsewhere', (text) => {
    for (const channel of CHANNELS) {
      expect(readOptOut(text, channel)).toEqual(channel === 'sms' ? EVERYTHING : MARKETING);
    }
  });

  it.each(['STOP PROMOTIONS', 'stop promotions!', 'Stop ads', ...MARKETING_STOPS])(
    '%j stops marketing alone on any channel',
    (text) => {
      for (const channel of CHANNELS) expect(readOptOut(text, channel)).toEqual(MARKETING);
    },
  );

  it.each([
    ['over and over', 'STOP '.repeat(500)],
    ['with many exclamation marks', `STOP${'!'.repeat(1_000)}`],
    ['among many pictures', `${'👨‍👩‍👧‍👦'.repeat(60)} stop ${'🛑'.repeat(300)}`],
  ])('is one also where it is said %s', (_how, text) => {
    for (const channel of CHANNELS) expect(readOptOut(text, channel)).toEqual(EVERYTHING);
  });

  it('is each word of the lists, in capitals and without accents too', () => {
    for (const word of STOP_WORDS) {
      expect([word, readOptOut(word, 'whatsapp')]).toEqual([word, EVERYTHING]);
      expect([word, readOptOut(word.toUpperCase(), 'whatsapp')]).toEqual([word, EVERYTHING]);
    }
    for (const word of WORDS_WITH_OTHER_MEANINGS) {
      expect([word, readOptOut(`${word}!`, 'whatsapp')]).toEqual([word, MARKETING]);
      expect([word, readOptOut(word.normalize('NFD'), 'sms')]).toEqual([word, EVERYTHING]);
    }
  });

  it.each([
    ['ß', 'auß'],
    ['ł', 'ł'],
    ['ø', 'støp'],
    ['đ', 'enđ'],
  ])('may be typed with %s for the plain letter', (letter, text) => {
    const plain = { ß: 'auss', ł: 'l', ø: 'stop', đ: 'end' }[letter] as string;
    expect(readOptOut(text, 'sms')).toEqual(readOptOut(plain, 'sms'));
  });

  it('is in one list only', () => {
    const all = [...STOP_WORDS, ...MARKETING_STOPS, ...WORDS_WITH_OTHER_MEANINGS];
    expect(all.filter((word, index) => all.indexOf(word) !== index)).toEqual([]);
  });
});

describe('a message that is none', () => {
  it.each([
    '',
    '   ',
    '🛑',
    '...',
    'stop by later?',
    'can you stop by later?',
    'non-stop',
    'nonstop',
    'tem como parar a dor?',
    'posso sair antes das 15h?',
    'quero cancelar o pedido',
    'não quero receber ligação, só whatsapp',
    'stop it right there',
    'unstoppable',
    'stop1',
    'end stop end',
    'constructor',
    '__proto__',
  ])('%j', (text) => {
    for (const channel of CHANNELS) expect(readOptOut(text, channel)).toBeUndefined();
  });

  it('is whatever is longer than a word can be, however it begins', () => {
    expect(readOptOut(`stop${'!'.repeat(4_092)}`, 'sms')).toEqual(EVERYTHING);
    expect(readOptOut(`stop${'!'.repeat(4_093)}`, 'sms')).toBeUndefined();
    expect(readOptOut(`stop${'\u00AD'.repeat(252)}`, 'sms')).toEqual(EVERYTHING);
    expect(readOptOut(`stop${'\u00AD'.repeat(253)}`, 'sms')).toBeUndefined();
    expect(readOptOut('stop '.repeat(1_000_000), 'sms')).toBeUndefined();
    expect(readOptOut(`${' '.repeat(1_000_000)}stop${' '.repeat(1_000_000)}`, 'sms')).toEqual(EVERYTHING);
  });
});

describe('the text of a button', () => {
  it.each(['Unsubscribe', 'STOP', 'STOP PROMOTIONS', '🛑 Stop promotions', 'Arrêter', 'darme de baja'])(
    '%j stops marketing',
    (text) => {
      expect(readOptOutButton(text)).toEqual(MARKETING);
    },
  );

  it.each(['Cancel', 'Quit', 'Fin', 'Remove', 'Stop by', 'Yes', '', '🛑', `Stop${'!'.repeat(4_093)}`])(
    '%j stops nothing',
    (text) => {
      expect(readOptOutButton(text)).toBeUndefined();
    },
  );
});
