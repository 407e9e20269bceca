import { ID_PATTERN } from '#consent';
import { UsageError } from './failures.js';

const REFUSAL =
  'an argument looks like a phone number, an e-mail address or a user id of WhatsApp. Arguments are seen by everybody ' +
  'on the machine and kept in the history of the shell: leave it away, give --address, and give the address on ' +
  'standard input or at the prompt';

/** Throws `UsageError` where somebody's address stands among the arguments. Before anything else looks at them. */
export function refuseAddresses(args: readonly string[]): void {
  const given = args.map((arg, index) => valueIn(arg, args[index - 1]));
  if (given.some((value) => looksLikeAddress(value.text) && !isId(value))) throw new UsageError(REFUSAL);
}

interface Value {
  readonly text: string;
  /** What stands before it, which need not be an option. */
  readonly option: string | undefined;
}

/** An option may carry its value behind a `=`. */
function valueIn(arg: string, before: string | undefined): Value {
  const at = arg.startsWith('--') ? arg.indexOf('=') : -1;
  return at < 0 ? { text: arg, option: before } : { text: arg.slice(at + 1), option: arg.slice(0, at) };
}

/** Their values may be digits alone, and there is no other way to say which business, purpose or sender one means. */
const TAKING_IDS = ['--business', '--purpose', '--sender'];

function isId({ text, option }: Value): boolean {
  return option !== undefined && TAKING_IDS.includes(option) && ID_PATTERN.test(text);
}

const SERVER = /^esdb(\+discover)?:\/\//i;
const TIME = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?$/;
/** Seven digits or more behind a plus, also grouped. */
const INTERNATIONAL = /[+＋][ (]{0,2}\p{Nd}(?:[ ()./-]{0,2}\p{Nd}){6,}/u;
/** As national numbers are written: nothing but digits and what people group them with. */
const NATIONAL = /^(?:tel:)?[\p{Nd}\s+().\-\u2010-\u2015\u2212]*$/iu;
const LEAST_DIGITS = 6;
const EMAIL = /[^\s/@]@[\p{L}\p{N}-]+\.[\p{L}\p{N}.-]+/u;
const WHATSAPP_USER_ID = /^[A-Z]{2}\.(?:ENT\.)?(?=[A-Za-z0-9]*\d)[A-Za-z0-9]{5,}$/;

function looksLikeAddress(text: string): boolean {
  const plain = text.normalize('NFKC').replaceAll('%40', '@').replaceAll(/%2b/gi, '+').trim();
  if (SERVER.test(plain) || TIME.test(plain)) return false;
  const digits = plain.match(/\p{Nd}/gu)?.length ?? 0;
  if (NATIONAL.test(plain) && digits >= LEAST_DIGITS) return true;
  return [INTERNATIONAL, EMAIL, WHATSAPP_USER_ID].some((pattern) => pattern.test(plain)) || plain.startsWith('wamid.');
}
