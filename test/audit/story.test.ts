import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ConsentEvent, Question } from '#consent';
import { openSqliteStore, writeEvent, type EventStore } from '#event-store';
import { chaptersOf } from '../../apps/audit/chapters.js';
import { Story } from '../../apps/audit/story.js';
import type { Happening } from '../reference/happening.js';
import { history, PEOPLE, PURPOSES, question } from '../reference/histories.js';
import { ReferenceModel, type Answer } from '../reference/model.js';
import { runs } from '../reference/runs.js';

const REGISTERED_AT = '2026-04-01T00:00:00.000Z';
/** Each sender on one channel, as a register has them. */
const SENDERS = { shop: 'whatsapp', desk: 'sms' } as const;

/** A happening as the ledger heard of it. */
interface Heard extends Happening {
  readonly recordedAt: string;
}

let dataDir: string;
let store: EventStore;
let cases = 0;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'consent-ledger-story-'));
  store = await openSqliteStore({ dataDir, diskReserveMb: 1 });
  const business = { businessId: 'acme' };
  const registered = [
    ['BusinessRegistered', { ...business, legalName: 'Acme S.p.A.', displayName: 'Acme' }],
    ...PURPOSES.map(({ purpose, category, requires }) => [
      'PurposeRegistered',
      { ...business, purposeId: purpose, title: purpose, category, requires },
    ]),
    ...Object.entries(SENDERS).map(([senderId, channel]) => [
      'SenderRegistered',
      { ...business, senderId, channel, provider: 'other', address: senderId },
    ]),
  ] as readonly (readonly [string, object])[];
  for (const [index, [type, data]] of registered.entries()) {
    await append('business-acme', idOf(0, index, 0), type, data, REGISTERED_AT);
  }
});
afterAll(async () => {
  await store.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function idOf(ofCase: number, index: number, salt: number): string {
  const [a, b, c] = [String(salt), String(ofCase), String(index)];
  return `${a.padStart(8, '0')}-0000-4000-8000-${b.padStart(8, '0')}${c.padStart(4, '0')}`;
}

function append(stream: string, id: string, type: string, data: object, recordedAt: string) {
  const trail = { $correlationId: id, $causationId: id, commandId: id, actor: 'test', schema: 1 };
  return store.append(stream, [writeEvent(id, type, data, { ...trail, occurredAt: recordedAt, recordedAt })], 'any');
}

/** The history under ids of its own, and heard of at once: nothing is recorded before it happened. */
function heardOf(happened: readonly Happening[], ofCase: number): readonly Heard[] {
  const nameOf = (person: string) => `${person}${ofCase}`.padEnd(43, 'A');
  let recordedAt = '';
  return happened.filter(saysSomething).map(({ recipientId, eventId, event }, index) => {
    recordedAt = [recordedAt, event.data.occurredAt].sort().at(-1) as string;
    const data = {
      ...event.data,
      businessId: 'acme',
      ...('other' in event.data ? { other: nameOf(event.data.other) } : {}),
      ...(event.type === 'Unreadable' ? { occurredAt: recordedAt } : {}),
    };
    const id = idOf(ofCase, index, Number(eventId.slice(0, 2)));
    return { recipientId: nameOf(recipientId), eventId: id, event: { ...event, data } as ConsentEvent, recordedAt };
  });
}

/** A no to nothing is no event that the ledger's reader understands. */
function saysSomething({ event }: Happening): boolean {
  return event.type !== 'ConsentRevoked' || event.data.purposes.length + event.data.categories.length > 0;
}

async function write(heard: readonly Heard[]): Promise<void> {
  for (const { recipientId, eventId, event, recordedAt } of heard) {
    const stream = event.type === 'UserMessaged' ? `conversation-${recipientId}` : `consent-${recipientId}`;
    const type = event.type === 'Unreadable' ? event.data.storedType : event.type;
    await append(stream, eventId, type, event.data, recordedAt);
  }
}

/** The question as the register allows it: a sender writes on its own channel only. */
function askable({ sender, ...asked }: Question): Question {
  const isHere = sender !== undefined && SENDERS[sender as keyof typeof SENDERS] === asked.channel;
  return isHere ? { ...asked, sender } : asked;
}

describe('a story', () => {
  it('gives after each event the answer that the prose of the rules gives over all events up to it', async () => {
    const asked = fc.record({ happened: history, one: question.map(askable), person: fc.constantFrom(...PEOPLE) });
    await fc.assert(
      fc.asyncProperty(asked, async ({ happened, one, person }) => {
        const heard = heardOf(happened, (cases += 1));
        await write(heard);
        const recipientId = `${person}${cases}`.padEnd(43, 'A');
        const { channel, purpose, sender } = one;
        const story = new Story({ businessId: 'acme', recipientId, channel, purpose, sender });
        const told = new Set<string>();
        for await (const { shown, answer, recipientId: about } of chaptersOf(store, story, await store.head())) {
          if (about === undefined) continue;
          const index = heard.findIndex(({ eventId }) => eventId === shown.stored.id);
          const { recordedAt } = heard[index] as Heard;
          const model = new ReferenceModel(heard.slice(0, index + 1));
          const { eligible, reason, basis, validUntil, windowOpenUntil } = answer;
          const expected: Answer = model.answer(recipientId, { ...one, now: recordedAt });
          expect({ eligible, reason, basis: basis?.eventId, validUntil, windowOpenUntil }).toEqual({
            basis: undefined,
            validUntil: undefined,
            windowOpenUntil: undefined,
            ...expected,
          });
          expect(answer.decidedAt).toBe(recordedAt);
          told.add(shown.stored.id);
        }
        const own = heard.filter((event) => event.recipientId === recipientId).map(({ eventId }) => eventId);
        expect(own.filter((id) => !told.has(id))).toEqual([]);
      }),
      runs(150),
    );
  });
});
