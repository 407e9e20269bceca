import type { FieldError } from './errors.js';
import { fieldPath, WHOLE_BODY } from './field-path.js';

/** The search ends with so many: what comes behind them may be at fault too. */
export const MOST_JSON_FAULTS = 20;
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor']);
const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

/** An object or array that has been opened and not yet closed. */
interface Open {
  readonly path: string;
  /** The keys so far; undefined for an array. */
  readonly keys: Set<string> | undefined;
  /** The key, or the index, whose value comes next. */
  next: string | number;
}

interface Search {
  readonly faults: FieldError[];
  readonly open: Open[];
  readonly maxDepth: number;
  /** The string just read, which is a key if a colon follows. */
  pending: string | undefined;
  /** How many are open beyond `maxDepth`; what is in them is not looked at. */
  tooDeep: number;
}

/**
 * The exact search over JSON that is known to parse: every fault with the path of its field, at most twenty of them.
 * Works with a list of what is open instead of recursion, so no depth of nesting exhausts the stack.
 */
export function findFaults(text: string, maxDepth: number): FieldError[] {
  const search: Search = { faults: [], open: [], maxDepth, pending: undefined, tooDeep: 0 };
  for (let at = 0; at < text.length && search.faults.length < MOST_JSON_FAULTS; at++) {
    const sign = text.charAt(at);
    const end = sign === '"' ? endOfString(text, at) : at;
    if (search.tooDeep > 0) search.tooDeep += stepOf(sign);
    else take(sign === '"' ? text.slice(at, end + 1) : sign, search);
    at = end;
  }
  return search.faults;
}

/** The place of the closing quote: the first after the opening one with an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charAt(first - 1) === '\\') first--;
  return (at - first) % 2 === 1;
}

function stepOf(sign: string): number {
  if (sign === '{' || sign === '[') return 1;
  return sign === '}' || sign === ']' ? -1 : 0;
}

function take(token: string, search: Search): void {
  switch (token) {
    case '{':
    case '[':
      return enter(token, search);
    case '}':
    case ']':
      search.open.pop();
      return;
    case ',':
      return takeComma(search);
    case ':':
      return takeKey(search);
    default:
      if (token.startsWith('"')) takeText(token, search);
  }
}

function enter(token: '{' | '[', search: Search): void {
  const path = pathOf(search);
  if (search.open.length === search.maxDepth) {
    search.tooDeep = 1;
    report(search, path, 'TOO_DEEP', `Nest objects and lists at most ${search.maxDepth} deep.`);
    return;
  }
  search.open.push(token === '{' ? { path, keys: new Set(), next: '' } : { path, keys: undefined, next: 0 });
}

function takeComma({ open }: Search): void {
  const top = open[open.length - 1];
  if (typeof top?.next === 'number') top.next++;
}

function takeKey(search: Search): void {
  const top = search.open[search.open.length - 1];
  const key = search.pending;
  if (top?.keys === undefined || key === undefined) return;
  top.next = key;
  const path = pathOf(search);
  if (top.keys.has(key)) report(search, path, 'DUPLICATE_KEY', 'Give each field once.');
  if (FORBIDDEN_KEYS.has(key)) report(search, path, 'FORBIDDEN_KEY', 'Leave out this key: no object may carry it.');
  top.keys.add(key);
}

/** The field that the next value belongs to. */
function pathOf({ open }: Search): string {
  const top = open[open.length - 1];
  return top === undefined ? '' : fieldPath(top.path, top.next);
}

function takeText(token: string, search: Search): void {
  const text = token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1);
  search.pending = text;
  if (text.includes('\0')) report(search, pathOf(search), 'NUL_CHARACTER', 'Leave out NUL characters.');
  if (LONE_SURROGATE.test(text)) {
    report(search, pathOf(search), 'NOT_UNICODE', 'Send whole characters: half of a surrogate pair is none.');
  }
}

function report(search: Search, path: string, code: string, message: string): void {
  const field = path === '' ? WHOLE_BODY : path;
  const known = search.faults.some((fault) => fault.field === field && fault.code === code);
  if (!known) search.faults.push({ field, code, message });
}
