import { VARIABLES, type VariableName } from './config-variables.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export const FILE_SUFFIX = '_FILE';

/** Names that begin so can only be meant for this service. */
const OUR_PREFIXES = [
  'WHATSAPP_',
  'KAFKA_',
  'RELAY_',
  'EVENTSTORE_',
  'ESDB_',
  'DATABASE_',
  'VIEW_',
  'WEBHOOK_',
  'METRICS_',
  'TLS_',
];
/** Names of other software that come near ours; OpenSSL and many clients read this one. */
const FOREIGN_NAMES = ['SSL_CERT_FILE'];
const SHORT_NAME = 6;
/** Names by which people remember one of ours, and which are like none of them letter by letter. */
const MISREMEMBERED: Readonly<Record<string, VariableName>> = { ENCRYPTION_KEY: 'KEY_ENCRYPTION_KEY' };

function isVariable(name: string): name is VariableName {
  return Object.hasOwn(VARIABLES, name);
}

/** One fault for each name that nobody reads but that looks as if somebody meant this service by it. */
export function misspeltNames(env: Environment): string[] {
  return Object.entries(env)
    .filter(([name, value]) => value !== undefined && !isServiceLink(name, value))
    .flatMap(([name]) => misspelt(name) ?? []);
}

/** Kubernetes and Docker announce other services of the network by such names; nobody has misspelt them. */
function isServiceLink(name: string, value: string): boolean {
  return (
    /_SERVICE_(HOST|PORT)(_|$)/.test(name) ||
    (/_PORT(_|$)/.test(name) && /^(tcp|udp):\/\//.test(value)) ||
    /_PORT_\d+_(TCP|UDP)/.test(name)
  );
}

function misspelt(name: string): string | undefined {
  const bare = name.endsWith(FILE_SUFFIX) ? name.slice(0, -FILE_SUFFIX.length) : name;
  if (isVariable(bare) || FOREIGN_NAMES.includes(name)) return undefined;
  const meant = meantBy(bare.toUpperCase());
  if (meant.length > 0) return `${name} is not a known name: did you mean ${meant.join(' or ')}?`;
  const prefix = OUR_PREFIXES.find((candidate) => bare.toUpperCase().startsWith(candidate));
  return prefix === undefined
    ? undefined
    : `${name} is not a known name; see docs/configuration.md for those that begin with ${prefix}`;
}

/** How a name may be like a known one, the likest first: what one of them finds is what was meant. */
const LIKENESSES: readonly ((name: string, known: VariableName) => boolean)[] = [
  isNear,
  (name, known) => MISREMEMBERED[name] === known,
  isCutShort,
  isAbbreviated,
  isOtherwiseEnded,
];

function meantBy(name: string): readonly string[] {
  const { stem, ending } = partsOf(name);
  if (isVariable(stem) && editDistance(`_${ending}`, FILE_SUFFIX) <= 1) return [stem + FILE_SUFFIX];
  for (const isLike of LIKENESSES) {
    const meant = (Object.keys(VARIABLES) as VariableName[]).filter((known) => isLike(name, known));
    if (meant.length > 0) return meant;
  }
  return [];
}

/** What stands before the last word of a name, and that word. */
function partsOf(name: string): { readonly stem: string; readonly ending: string } {
  const at = name.lastIndexOf('_');
  return { stem: name.slice(0, Math.max(at, 0)), ending: name.slice(at + 1) };
}

/** `SHUTDOWN_TIMEOUT`. A single word, as `ADMIN` or `DATA`, may be the name of anything. */
function isCutShort(name: string, known: VariableName): boolean {
  return name.includes('_') && name === partsOf(known).stem;
}

const SHORT_ENDING = 3;

/** `DATA_DIRECTORY`, `BATCH_MAXIMUM`: of the last words one is the beginning of the other. */
function isAbbreviated(name: string, known: VariableName): boolean {
  const [given, ours] = [partsOf(name), partsOf(known)];
  const [short = '', long = ''] = [given.ending, ours.ending].sort((one, other) => one.length - other.length);
  const isSameStem = given.stem !== '' && given.stem === ours.stem;
  return isSameStem && short.length >= SHORT_ENDING && long.startsWith(short);
}

/** `SHUTDOWN_TIMEOUT_SEC`. After a single word anything may follow that is somebody else's: `LOG_FORMAT`, `GRPC_TRACE`. */
function isOtherwiseEnded(name: string, known: VariableName): boolean {
  const { stem } = partsOf(known);
  return stem.includes('_') && partsOf(name).stem === stem;
}

function isNear(name: string, known: string): boolean {
  const allowed = known.length < SHORT_NAME ? 1 : 2;
  return Math.abs(name.length - known.length) <= allowed && editDistance(name, known) <= allowed;
}

/** How many letters must be added, dropped, changed or swapped with their neighbour to turn one word into the other. */
export function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= from.length; row++) rows.push(nextRow(rows, row, from, to));
  return rows[from.length]?.[to.length] ?? 0;
}

function nextRow(rows: readonly number[][], row: number, from: string, to: string): number[] {
  const above = rows[row - 1] ?? [];
  const next = [row];
  for (let column = 1; column <= to.length; column++) {
    const changed = (above[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
    const swapped = isSwap(from, row, to, column) ? (rows[row - 2]?.[column - 2] ?? 0) + 1 : Infinity;
    next.push(Math.min((above[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1, changed, swapped));
  }
  return next;
}

function isSwap(from: string, row: number, to: string, column: number): boolean {
  return row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
}
