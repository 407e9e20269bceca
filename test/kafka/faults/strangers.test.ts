import { afterEach, expect, it } from '@jest/globals';
import type { Message } from 'kafkajs';
import { STATE_TYPE, TOPICS } from '#contracts';
import { startGuard, type Guard } from '#sender-guard';
import { FULL, chance } from '../../faults/full.js';
import { until } from '../../faults/until.js';
import { ask, grantBody, must } from '../../support/client.js';
import { startBroker } from '../broker.js';
import { plainClient } from '../ready.js';
import { Stage, UNHARMED, closeStages } from './stage.js';
import { questionOf } from './witness.js';

const ROUNDS = FULL ? 10 : 1;

const random = chance('records of strangers');

let late: Guard | undefined;
afterEach(async () => {
  await late?.close();
  await closeStages();
});

/** What anybody with the right to write may put there, and nobody can make sense of. */
function nonsenseUnder(key: string): readonly Message[] {
  return [
    { key, value: 'no JSON' },
    { key, value: null },
    { key, value: '{}', headers: { ce_type: 'somebody.else.v7' } },
    { key, value: Buffer.from([0xff, 0x00, 0xfe]), headers: { ce_type: STATE_TYPE, ce_specversion: '1.0' } },
    { key: 'no recipient at all', value: '{"recipientId":42}' },
  ];
}

/** Kafka itself refuses it where a topic is compacted. */
const TO_NOBODY: Message = { key: null, value: 'to nobody' };

async function write(brokers: string[], topic: string, messages: readonly Message[]): Promise<void> {
  const producer = plainClient(brokers).producer();
  await producer.connect();
  for (const message of messages) await producer.send({ topic, messages: [message] });
  await producer.disconnect();
}

async function grant({ service }: Stage, phone: string): Promise<string> {
  const path = '/v1/businesses/acme/grants';
  return String((await must(ask(service, 'POST', path, { body: grantBody(phone) }))).body.recipientId);
}

const says = (guard: Guard, id: string, reason: string) =>
  until(`the guard says ${reason}`, () => guard.check(questionOf(id)).reason === reason || undefined, 60_000);

async function healedBy({ service }: Stage): Promise<number> {
  const { body } = await ask(service, 'GET', '/health/ready', { key: '' });
  return (body.relay as unknown as { readonly healed: number }).healed;
}

it(
  'records that nobody can parse: relay and guard go on, states and registers are put right, a doubted opt-out stays a no',
  async () => {
    const broker = await startBroker();
    const { brokers } = broker;
    const stage = await Stage.open({ brokers, chance: random });
    const { guard } = stage;
    const phones = ['+393338000001', '+393338000002', '+393338000003', '+393338000004'];
    const ids = await Promise.all(phones.map((phone) => grant(stage, phone)));
    const [ofState = '', ofOptOuts = '', ofChanges = '', bystander = ''] = ids;
    for (const id of ids) await says(guard, id, 'CONSENTED');
    await stage.whileWriting(async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const before = await healedBy(stage);
        await write(brokers, TOPICS.state.topic, nonsenseUnder(ofState));
        await write(brokers, TOPICS.changes.topic, [...nonsenseUnder(ofChanges), TO_NOBODY]);
        await write(brokers, TOPICS.watermarks.topic, nonsenseUnder('0'));
        await until('the relay has put the states right', async () => (await healedBy(stage)) > before || undefined);
        for (const id of [ofState, ofChanges, bystander]) await says(guard, id, 'CONSENTED');
        await write(brokers, TOPICS.catalogue.topic, nonsenseUnder('acme'));
        await says(guard, bystander, 'STATE_UNREADABLE');
        await says(guard, bystander, 'CONSENTED');
      }
      await write(brokers, TOPICS.optouts.topic, [...nonsenseUnder(ofOptOuts), TO_NOBODY]);
      await says(guard, ofOptOuts, 'STATE_UNREADABLE');
      const body = { recipient: { phone: phones[1] } };
      await must(ask(stage.service, 'POST', '/v1/businesses/acme/revocations', { body }));
    });
    late = startGuard({ brokers });
    await late.live(AbortSignal.timeout(60_000));
    for (const who of [guard, late]) {
      expect(ids.map((id) => who.check(questionOf(id)).reason)).toEqual([
        'CONSENTED',
        'STATE_UNREADABLE',
        'CONSENTED',
        'CONSENTED',
      ]);
    }
    expect(await stage.judge(`${ROUNDS} times strangers wrote`)).toMatchObject(UNHARMED);
    expect(await stage.service.process.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(stage.service.process.stderr).toBe('');
  },
  FULL ? 1_200_000 : 240_000,
);
