import { instantOf, type Instant } from '#consent';
import { orAborted, type EventStore } from '#event-store';
import { readRecipientEvent } from '#view';
import { askRecipient } from './address.js';
import { UsageError } from './failures.js';
import { EXPLAIN_OPTIONS, checkExplain, checkTopic, type ExplainOption } from './explain-options.js';
import { openLedger, readSettings, type Settings } from './ledger.js';
import { readOptions, type Given } from './options.js';
import { readRegister } from './register.js';
import { readTime } from './replay-options.js';
import { withResult, type Result } from './result.js';
import { Story, type Asked } from './story.js';
import { chaptersOf, streamsOf } from './chapters.js';
import { storyFormatOf } from './story-formats.js';

/** Tells one recipient's story event by event with the answer after each, and the answer now. */
export async function explainStory(args: readonly string[], signal: AbortSignal): Promise<void> {
  const given = readOptions(args, EXPLAIN_OPTIONS);
  checkExplain(given);
  const at = readTime(given, 'at');
  const settings = readSettings(given, process.env);
  const store = await orAborted(openLedger(settings.place), signal);
  try {
    const asked = await orAborted(askedOf(store, settings, given), signal);
    await withResult(given, signal, (result) => tell(store, asked, result, { format: given.one('format'), at }));
  } finally {
    await store.close();
  }
}

async function askedOf(store: EventStore, settings: Settings, given: Given<ExplainOption>): Promise<Asked> {
  const row = await readRegister(store, given.one('business') ?? '');
  checkTopic(given, row);
  const { businessId, state: register } = row;
  const recipientId = given.one('recipient') ?? (await askRecipient(store, settings, { businessId, register }));
  await requireOwn(store, businessId, recipientId);
  const [channel, purpose, sender] = [given.one('channel'), given.one('purpose'), given.one('sender')];
  return { businessId, recipientId, channel, purpose, sender };
}

/** What another business knows of its own recipient explains no answer to this one. */
async function requireOwn(store: EventStore, businessId: string, recipientId: string): Promise<void> {
  for (const stream of streamsOf(recipientId)) {
    const [first] = await store.readStream(stream, { limit: 1 });
    const owner = first && readRecipientEvent(first).event.data.businessId;
    if (owner !== undefined && owner !== businessId) {
      throw new UsageError('--recipient is the recipient of another business: give that one as --business');
    }
  }
}

interface Telling {
  readonly format: string | undefined;
  readonly at: Instant | undefined;
}

async function tell(store: EventStore, asked: Asked, result: Result, telling: Telling): Promise<void> {
  const { output, signal, isTerminal } = result;
  const format = storyFormatOf(telling.format, isTerminal);
  const until = await store.head();
  const story = new Story(asked);
  await output.write(format.head(asked));
  for await (const chapter of chaptersOf(store, story, until)) {
    signal.throwIfAborted();
    await output.write(format.chapter(chapter));
  }
  const now = telling.at ?? instantOf(Date.now());
  await output.write(format.end(await story.answer(now, until)));
}
