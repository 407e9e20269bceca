/**
 * A complete sender. It reads messages as NDJSON from stdin, one a line:
 *
 *     {"businessId": "acme", "phone": "+39021234567", "channel": "whatsapp", "purpose": "offers", "text": "…"}
 *
 * (or `recipientId` instead of `phone`), asks the guard as each is handed over, and prints what it would send and what
 * it holds back. In a sender of your own `handOver` is the call of the provider.
 *
 *     KAFKA_BROKERS=localhost:9092 RECIPIENT_KEY=<base64> node sender.mjs < messages.ndjson
 *
 * With LEDGER_URL and LEDGER_KEY the ledger itself is asked where the guard cannot know. SIGTERM ends it after the
 * message at hand. It exits with 1 where the guard does not become LIVE within LIVE_WITHIN_MS.
 */
import { createInterface } from 'node:readline';
import { ledgerOver, recipientId, startGuard } from '@consent-ledger/sender-guard';

const {
  KAFKA_BROKERS = 'localhost:9092',
  RECIPIENT_KEY,
  LEDGER_URL,
  LEDGER_KEY,
  LIVE_WITHIN_MS = '60000',
} = process.env;

const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());

const guard = startGuard({
  brokers: KAFKA_BROKERS.split(','),
  ...(LEDGER_URL && LEDGER_KEY ? { askLedger: ledgerOver({ url: LEDGER_URL, apiKey: LEDGER_KEY }) } : {}),
});
guard.on('state', ({ state, before }) => say({ guard: state, before }));
guard.on('optOut', ({ recipientId: who, channels }) => say({ optOut: who, channels }));

const patience = AbortSignal.any([stopping.signal, AbortSignal.timeout(Number(LIVE_WITHIN_MS))]);
if (await guard.live(patience)) {
  await sendAll();
} else if (!stopping.signal.aborted) {
  process.exitCode = 1;
  say({ error: guard.status().problem ?? 'the guard is not LIVE' });
}
await guard.close();

async function sendAll() {
  const lines = createInterface({ input: process.stdin });
  stopping.signal.addEventListener('abort', () => lines.close());
  for await (const line of lines) {
    if (line.trim() !== '') await sendOne(line);
    if (stopping.signal.aborted) return;
  }
}

async function sendOne(line) {
  let message;
  let who;
  try {
    message = JSON.parse(line);
    who = message.recipientId ?? recipientId({ key: Buffer.from(RECIPIENT_KEY ?? '', 'base64'), phone: message.phone });
  } catch (error) {
    // A line that names nobody is nobody's message. What stands in it is personal, so it is not printed.
    say({ skipped: error.code ?? 'NOT_JSON' });
    return;
  }
  const { businessId, channel, purpose, sender } = message;
  // Now, and not when the list was made: between the two people say stop.
  const decision = await guard.checkOrAsk({ businessId, recipientId: who, channel, purpose, sender });
  if (decision.eligible) handOver(who, message);
  else say({ held: who, reason: decision.reason });
}

function handOver(who, { channel, purpose }) {
  say({ sent: who, channel, purpose });
}

function say(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}
