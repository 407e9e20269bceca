import { orAborted, type EventStore, type Position, type StoredEvent } from '#event-store';
import { askRecipient } from './address.js';
import { eventsOfLedger, eventsOfStreams, type Span } from './events.js';
import { UsageError } from './failures.js';
import { FORMATS, formatOf, type Format, type FormatName } from './formats.js';
import { openLedger, readSettings, type Settings } from './ledger.js';
import { readOptions, requireOne, type Given } from './options.js';
import { progressTo, type Progress } from './progress.js';
import { readRegister } from './register.js';
import { REPLAY_OPTIONS, checkReplay, readSelection, type ReplayOption, type Selection } from './replay-options.js';
import { withResult, type Result } from './result.js';
import { showEvent } from './shown.js';

/** Writes out the events of a ledger that were asked for, in its order, up to what was its end at the beginning. */
export async function replay(args: readonly string[], signal: AbortSignal): Promise<void> {
  const given = readOptions(args, REPLAY_OPTIONS);
  checkReplay(given);
  const settings = readSettings(given, process.env);
  const store = await orAborted(openLedger(settings.place), signal);
  try {
    const asked = await orAborted(recipientAsked(store, settings, given), signal);
    const selection = readSelection(given, store.ledgerId, asked);
    const told = await withResult(given, signal, (result) => writeEvents(store, selection, result, given));
    process.stderr.write(summaryOf(told));
  } finally {
    await store.close();
  }
}

async function recipientAsked(store: EventStore, settings: Settings, given: Given<ReplayOption>) {
  if (!given.has('address')) return undefined;
  const businessId = requireOne(given, 'business', 'an address belongs to a recipient of one business');
  const { state: register } = await readRegister(store, businessId);
  return askRecipient(store, settings, { businessId, register });
}

interface Told {
  readonly events: number;
  readonly unreadable: number;
  readonly until: Position;
}

async function writeEvents(
  store: EventStore,
  selection: Selection,
  result: Result,
  given: Given<ReplayOption>,
): Promise<Told> {
  const format = formatOf(readFormat(given.one('format'), result.isTerminal));
  const until = await store.head();
  const progress = progressTo(until, !result.isTerminal);
  try {
    await result.output.write(format.head);
    return await writePages(pagesOf(store, selection, until), selection, { ...result, format, progress, until });
  } finally {
    progress.stop();
  }
}

interface Writing extends Result {
  readonly format: Format;
  readonly progress: Progress;
  readonly until: Position;
}

type Page = { readonly events: readonly StoredEvent[]; readonly position: Position };

async function writePages(
  pages: AsyncIterable<Page>,
  { wants }: Selection,
  { format, output, progress, signal, until }: Writing,
): Promise<Told> {
  const told = { events: 0, unreadable: 0 };
  for await (const { events, position } of pages) {
    signal.throwIfAborted();
    const shown = events.map(showEvent).filter(wants);
    told.events += shown.length;
    told.unreadable += shown.filter(({ content }) => content.kind === 'unreadable').length;
    if (shown.length > 0) await output.write(shown.map((event) => format.line(event)).join(''));
    progress.update(position, told.events);
  }
  return { ...told, until };
}

function pagesOf(store: EventStore, { streams, after }: Selection, until: Position): AsyncIterable<Page> {
  const span: Span = { until, ...(after === undefined ? {} : { after }) };
  return streams === undefined ? eventsOfLedger(store, span) : inPages(eventsOfStreams(store, streams, span));
}

const PAGE_SIZE = 250;

async function* inPages(events: AsyncIterable<StoredEvent>): AsyncGenerator<Page> {
  let page: StoredEvent[] = [];
  for await (const event of events) {
    page.push(event);
    if (page.length < PAGE_SIZE) continue;
    yield { events: page, position: event.position };
    page = [];
  }
  const last = page.at(-1);
  if (last !== undefined) yield { events: page, position: last.position };
}

function readFormat(format: string | undefined, isTerminal: boolean): FormatName {
  if (format === undefined) return isTerminal ? 'table' : 'ndjson';
  const known = FORMATS.find((name) => name === format);
  if (known === undefined) throw new UsageError(`--format is one of ${FORMATS.join(', ')}`);
  return known;
}

function summaryOf({ events, unreadable, until }: Told): string {
  const doubt = unreadable === 0 ? '' : `, ${unreadable} of them unreadable`;
  return `${events} ${events === 1 ? 'event' : 'events'}${doubt}, of the ledger up to ${until}\n`;
}
