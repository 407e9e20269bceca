import { MARKETING_STOPS, STOP_WORDS, WORDS_WITH_OTHER_MEANINGS } from './opt-out-word-lists.js';
import { ALL, type All, type Channel } from './vocabulary.js';

/** What an opt-out word stops on the channel it came in on. */
export interface OptOut {
  readonly categories: readonly [All] | readonly ['marketing'];
}

/** A message longer than this, in UTF-16 units, is a text or an attack, however often it says one word. */
const LONGEST_MESSAGE = 4_096;
/** What is left of it without pictures and repetitions; longer than this it is a sentence, never a word. */
const LONGEST_SAID = 256;

/** Pictures, and digits in a keycap; taken out first, because width folding would turn some of them into letters. */
const EMOJI = /\p{Extended_Pictographic}|[0-9#*]\uFE0F?\u20E3/gu;

/** Accents, and what is written but not seen: direction marks, joiners, soft hyphens, variation selectors. */
const UNSEEN = /[\p{M}\p{Default_Ignorable_Code_Point}]/gu;

/** Whatever stands between words: white space, punctuation, symbols. */
const BETWEEN_WORDS = /[^\p{L}\p{N}]+/u;

/** What stands between words before they are in one plain spelling: some symbols are letters in a circle. */
const SURELY_BETWEEN_WORDS = /[\s\p{P}]+/u;

/** Letters whose stroke or missing dot is no accent to Unicode, though people type them with and without. */
const PLAIN_LETTERS: Readonly<Record<string, string>> = { ı: 'i', ł: 'l', ø: 'o', đ: 'd', ß: 'ss' };
const LETTERS_TO_PLAIN = /[ıłøđß]/gu;

/**
 * Whether a whole message is an opt-out word, and what it then stops. Words with another everyday meaning stop
 * everything on SMS, where a reply to a campaign is all they can be, and marketing alone elsewhere, where people talk.
 * A word inside a sentence never counts: "can you stop by later?" is a question.
 */
export function readOptOut(text: string, channel: Channel): OptOut | undefined {
  const message = wholeMessage(text);
  if (STOPS.has(message)) return { categories: [ALL] };
  if (STOPS_OF_MARKETING.has(message)) return { categories: ['marketing'] };
  if (!STOPS_WITH_OTHER_MEANINGS.has(message)) return undefined;
  return { categories: channel === 'sms' ? [ALL] : ['marketing'] };
}

/**
 * Whether a button of a template, by its text, is one to opt out with: it stops marketing. A word with another everyday
 * meaning is none, because the button may cancel an appointment.
 */
export function readOptOutButton(text: string): OptOut | undefined {
  const message = wholeMessage(text);
  return STOPS.has(message) || STOPS_OF_MARKETING.has(message) ? { categories: ['marketing'] } : undefined;
}

/** The message in one plain spelling; empty where it is too long to be a word. */
function wholeMessage(text: string): string {
  const trimmed = text.trim();
  if (trimmed.length > LONGEST_MESSAGE) return '';
  const said = onceEach(trimmed.replace(EMOJI, ' ').split(SURELY_BETWEEN_WORDS));
  return said.length > LONGEST_SAID ? '' : plainWords(said);
}

/** The words of a message in one plain spelling, a single space between them. */
function plainWords(text: string): string {
  const plain = text
    .replace(EMOJI, ' ')
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replace(UNSEEN, '')
    .replace(LETTERS_TO_PLAIN, (letter) => PLAIN_LETTERS[letter] ?? letter);
  return onceEach(plain.split(BETWEEN_WORDS));
}

/** "STOP STOP" says no more than "stop". */
function onceEach(parts: readonly string[]): string {
  const words = parts.filter((word) => word !== '');
  return words.filter((word, index) => word !== words[index - 1]).join(' ');
}

const STOPS: ReadonlySet<string> = new Set(STOP_WORDS.map(plainWords));
const STOPS_OF_MARKETING: ReadonlySet<string> = new Set(MARKETING_STOPS.map(plainWords));
const STOPS_WITH_OTHER_MEANINGS: ReadonlySet<string> = new Set(WORDS_WITH_OTHER_MEANINGS.map(plainWords));
