/**
 * Asks Consent Ledger before a message is sent, and tells it of a stop.
 *
 *     npm install consent-ledger-client-….tgz      (made by `npm run client:package`)
 *     LEDGER=localhost:50051 LEDGER_KEY=… BUSINESS=acme node ask.mjs +39021234567
 */
import { LedgerClient } from '@consent-ledger/client';

const { LEDGER: address, LEDGER_KEY: key, BUSINESS: businessId } = process.env;
// Elsewhere than on one machine: `tls: 'system'`.
const ledger = new LedgerClient({ address, key });
const recipient = { phone: process.argv[2] };
const topic = { businessId, channel: 'whatsapp', purpose: 'offers' };

const before = await ledger.check({ ...topic, recipient });
console.log('before:', before.eligible, before.reason);

// However often it has to be sent, it is one stop; and no later check of this client is answered from before it.
const stopped = await ledger.revoke({ businessId, recipient, channels: ['whatsapp'], method: 'keyword' });
const after = await ledger.check({ ...topic, recipient });
console.log('stopped:', stopped.type, 'after:', after.eligible, after.reason);

for await (const { answers } of ledger.filter([{ ...topic, checks: [{ ref: 'first', recipient }] }])) {
  for (const { ref, decision, error } of answers) console.log('filtered:', ref, decision?.reason ?? error?.code);
}
ledger.close();
