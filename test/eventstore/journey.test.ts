import { randomBytes } from 'node:crypto';
import { afterAll } from '@jest/globals';
import { describeMainJob } from '../support/journey.js';
import { startTestService } from '../support/service.js';
import { EventStoreProcess } from './server-process.js';

/** A server that was named must be empty: a ledger belongs to the vault that it was begun with. */
const named = process.env.EVENTSTORE_URL;
const ours = named === undefined ? await EventStoreProcess.launch() : undefined;
afterAll(() => ours?.remove());

const secret = () => randomBytes(32).toString('base64');
const env = { EVENTSTORE_URL: named ?? ours?.url ?? '', PEPPER: secret(), KEY_ENCRYPTION_KEY: secret() };

describeMainJob(
  named === undefined ? 'our server of EventStoreDB’s protocol' : 'the EventStoreDB that was named',
  (clock) => startTestService({ clock, env }),
);
