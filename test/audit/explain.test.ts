import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { UsageError } from '../../apps/audit/failures.js';
import { explainStory } from '../../apps/audit/explain.js';
import { businessOf, type Json } from '../http/support/acme.js';
import { append, appendBytes, recipientIdsOf } from '../promises/support/service.js';
import { deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { audit, linesOf } from './support.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const HOUR = 3_600_000;
const at = (ms: number) => new Date(ms).toISOString();

interface Chapter {
  readonly event?: Json & { readonly position: string; readonly type: string; readonly eventId: string };
  readonly recipientId?: string;
  readonly answer: Json;
}

interface Asked {
  readonly phone: string;
  readonly channel?: string;
  readonly purpose?: string;
  readonly sender?: string;
  readonly business?: string;
}

describe('audit explain', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  const argsOf = ({ channel = 'whatsapp', purpose = 'offers', sender, business = 'acme' }: Asked) => {
    const from = sender === undefined ? [] : ['--sender', sender];
    return ['--data', service.dataDir, '--business', business, '--channel', channel, '--purpose', purpose, ...from];
  };
  /** The story, the last answer as of the clock of the service. */
  const explained = async (asked: Asked, input = asked.phone): Promise<readonly Chapter[]> => {
    const ran = await audit(['explain', ...argsOf(asked), '--at', at(clock.now())], { input });
    expect([ran.code, ran.stderr]).toEqual([0, '']);
    expect(ran.stdout).not.toContain(asked.phone.slice(-7));
    return linesOf<Chapter>(ran.stdout);
  };
  const decide = async ({ phone, channel = 'whatsapp', purpose = 'offers', sender }: Asked): Promise<Json> =>
    acme.check({ phone }, purpose, { channel, consistency: 'ledger', ...(sender === undefined ? {} : { sender }) });
  const later = (ms: number) => clock.setTo(clock.now() + ms);
  const writes = (phone: string, text: string) =>
    deliver(service, deliveryOf({ from: phone.slice(1), id: `wamid.${clock.now()}`, text, at: clock.now() }));

  /** What the service answered after each deed, and what the tool says it was after the last event of each. */
  const compare = async (asked: Asked, deeds: readonly (() => Promise<unknown>)[]): Promise<readonly Json[]> => {
    const answered: Json[] = [];
    for (const deed of deeds) {
      later(HOUR);
      await must(deed() as ReturnType<typeof deliver>);
      answered.push(await decide(asked));
    }
    later(HOUR);
    const [now, chapters] = [await decide(asked), await explained(asked)];
    const told = answered.map(
      ({ position }) => chapters.find(({ event }) => event?.position === position)?.answer ?? { missing: position },
    );
    expect(told).toEqual(answered);
    expect(chapters.at(-1)?.answer).toEqual(now);
    return [...answered, now];
  };

  it('says after each event what the service answered then, field by field, and what it answers now', async () => {
    const phone = '+393338000001';
    const recipient = { phone };
    const deeds = [
      () => acme.grant(grantBody(phone, { expiresAt: at(clock.now() + 30 * 24 * HOUR) })),
      () => writes(phone, 'Hello'),
      () => acme.revoke({ recipient, channels: ['sms'] }),
      () => writes(phone, 'STOP'),
      () => acme.grant(grantBody(phone, { occurredAt: at(NOON) })),
      () => writes(phone, 'Hello again'),
      () => acme.grant(grantBody(phone)),
      () => acme.revoke({ recipient, channels: ['whatsapp'], method: 'block' }),
    ];
    const answers = await compare({ phone }, deeds);
    expect(answers.map(({ reason }) => reason)).toEqual([
      'CONSENTED',
      'CONSENTED',
      'CONSENTED',
      'REVOKED',
      'REVOKED',
      'REVOKED',
      'CONSENTED',
      'BLOCKED',
      'BLOCKED',
    ]);
  });

  it('answers for a reply from one sender, and for a purpose off WhatsApp that needs no consent', async () => {
    const [anna, bruno] = ['+393338000002', '+393338000003'];
    const reply = { phone: anna, purpose: 'service', sender: 'main' };
    const replies = await compare(reply, [() => writes(anna, 'Hello'), () => writes(anna, 'STOP')]);
    expect(replies.map(({ reason }) => reason)).toEqual(['SERVICE_WINDOW_OPEN', 'REVOKED', 'REVOKED']);
    const receipts = { phone: bruno, purpose: 'receipts', channel: 'sms' };
    const noObjection = await compare(receipts, [
      () => acme.revoke({ recipient: { phone: bruno }, categories: ['marketing'] }),
      () => acme.revoke({ recipient: { phone: bruno } }),
    ]);
    expect(noObjection.map(({ reason }) => reason)).toEqual(['NO_OBJECTION', 'REVOKED', 'REVOKED']);
  });

  it('tells of linked recipients too, whose no counts from the link on', async () => {
    const [phone, other] = ['+393338000004', '+393338000005'];
    const ids = await recipientIdsOf(service, [{ phone }, { phone: other }]);
    await must(acme.grant(grantBody(phone)));
    later(HOUR);
    await must(acme.revoke({ recipient: { phone: other } }));
    later(HOUR);
    const link = { businessId: 'acme', occurredAt: at(clock.now()), kind: 'same_person' };
    await append(service, `consent-${ids[0]}`, 'RecipientLinked', { ...link, other: ids[1] });
    await append(service, `consent-${ids[1]}`, 'RecipientLinked', { ...link, other: ids[0] });
    const chapters = await explained({ phone });
    const told = chapters
      .slice(1)
      .map(({ event, recipientId, answer }) => [event?.type, recipientId && ids.indexOf(recipientId), answer.reason]);
    expect(told).toEqual([
      ['ConsentGranted', 0, 'CONSENTED'],
      ['ConsentRevoked', 1, 'CONSENTED'],
      ['RecipientLinked', 0, 'REVOKED'],
      ['RecipientLinked', 1, 'REVOKED'],
      [undefined, undefined, 'REVOKED'],
    ]);
    expect(chapters.at(-1)?.answer).toEqual(await decide({ phone }));
  });

  it('asks by the register as it was: before a purpose was registered, and after it was retired', async () => {
    const phone = '+393338000006';
    await must(acme.revoke({ recipient: { phone }, channels: ['sms'] }));
    await must(acme.put('/purposes/surveys', { category: 'marketing', title: 'Surveys' }));
    await must(acme.grant(grantBody(phone)));
    const before = await decide({ phone, purpose: 'surveys' });
    await must(acme.delete('/purposes/surveys'));
    const chapters = await explained({ phone, purpose: 'surveys' });
    expect(chapters.map(({ event, answer }) => [event?.type, answer.eligible, answer.reason])).toEqual([
      ['ConsentRevoked', false, 'PURPOSE_NOT_FOUND'],
      ['PurposeRegistered', false, 'NO_CONSENT'],
      ['ConsentGranted', false, 'NO_CONSENT'],
      ['PurposeRetired', false, 'PURPOSE_RETIRED'],
      [undefined, false, 'PURPOSE_RETIRED'],
    ]);
    expect(chapters[2]?.answer).toEqual(before);
  });

  it('shows an event that it cannot read, and says no from then on', async () => {
    const phone = '+393338000007';
    const [id] = await recipientIdsOf(service, [{ phone }]);
    await must(acme.grant(grantBody(phone)));
    await appendBytes(service, `consent-${id}`, 'ConsentPaused', '{');
    const chapters = await explained({ phone });
    expect(chapters.slice(1).map(({ event, answer }) => [event?.unreadable, answer.reason])).toEqual([
      [undefined, 'CONSENTED'],
      [true, 'STATE_UNREADABLE'],
      [undefined, 'STATE_UNREADABLE'],
    ]);
    expect(chapters.at(-1)?.answer).toEqual(await decide({ phone }));
    const args = argsOf({ phone });
    const table = await audit(['explain', ...args, '--recipient', id ?? '', '--format', 'table']);
    expect(table.stdout).toContain('ConsentPaused  UNREADABLE: this version does not understand it');
    expect(table.stdout).toContain('NO  STATE_UNREADABLE: ');
    expect(table.stdout).toContain('YES CONSENTED: ');
    expect(table.stdout).toContain('[sealed]');
  });

  it('says no to everybody of a business whose register holds an event that it cannot read', async () => {
    const phone = '+393338000008';
    await registerAcme(service, 'doubt', '106540352249999');
    await must(businessOf(service, 'doubt').grant(grantBody(phone)));
    await appendBytes(service, 'business-doubt', 'PurposeMoved', '{}');
    const chapters = await explained({ phone, business: 'doubt' });
    expect(chapters.slice(1).map(({ event, answer }) => [event?.type, answer.reason])).toEqual([
      ['ConsentGranted', 'CONSENTED'],
      ['PurposeMoved', 'STATE_UNREADABLE'],
      [undefined, 'STATE_UNREADABLE'],
    ]);
  });

  it('knows the recipient by every way in which the address is written, and a stranger by none', async () => {
    const phone = '+393338000009';
    await must(acme.grant(grantBody(phone)));
    const [id = ''] = await recipientIdsOf(service, [{ phone }]);
    for (const input of ['0039 333 8000009\n', '333-8000009', `${id}\n`]) {
      expect((await explained({ phone }, input)).at(-1)?.answer).toMatchObject({ recipientId: id, eligible: true });
    }
    const stranger = await explained({ phone: 'maria.rossi@example.com' });
    expect(stranger.map(({ event, answer }) => [event?.type, answer.reason])).toEqual([
      ['PurposeRegistered', 'NO_CONSENT'],
      [undefined, 'NO_CONSENT'],
    ]);
  });

  it('needs the pepper of this very ledger for an address', async () => {
    const phone = '+393338000010';
    await must(acme.grant(grantBody(phone)));
    const apart = mkdtempSync(join(tmpdir(), 'consent-ledger-audit-'));
    for (const name of ['ledger.db', 'ledger.db-wal']) cpSync(join(service.dataDir, name), join(apart, name));
    const { pepper } = JSON.parse(readFileSync(join(service.dataDir, 'secrets.json'), 'utf8')) as { pepper: string };
    const asking = (env: Readonly<Record<string, string>>) =>
      audit(['explain', ...argsOf({ phone: '' }).slice(2)], {
        env: { DATA_DIR: apart, ...env },
        input: phone,
      });
    const [none, wrong, right] = [
      await asking({}),
      await asking({ PEPPER: Buffer.alloc(32, 7).toString('base64') }),
      await asking({ PEPPER: pepper }),
    ];
    rmSync(apart, { recursive: true });
    expect([none.code, none.stdout, wrong.code, wrong.stdout]).toEqual([1, '', 1, '']);
    expect(none.stderr).toContain('set PEPPER or PEPPER_FILE');
    expect(wrong.stderr).toContain('the pepper is not the one that this ledger was started with');
    expect(linesOf<Chapter>(right.stdout).at(-1)?.answer).toMatchObject({ reason: 'CONSENTED' });
  });

  it.each([
    [['--channel', 'pigeon', '--purpose', 'offers'], '--channel is one of whatsapp'],
    [['--channel', 'sms'], '--purpose is missing'],
    [['--purpose', 'offers'], '--channel is missing'],
    [['--channel', 'sms', '--purpose', 'ofers'], '--purpose: the business never registered it'],
    [['--channel', 'sms', '--purpose', 'offers', '--sender', 'main'], '--sender: the business has no such sender'],
    [['--channel', 'sms', '--purpose', 'offers', '--recipient', 'anna'], '--recipient needs the 43 characters'],
    [['--channel', 'sms', '--purpose', 'offers', '--at', 'noon'], '--at needs a time with its offset'],
  ])('%j is refused with the remedy', async (args, remedy) => {
    const asking = ['--data', service.dataDir, '--business', 'acme', ...args];
    const refused = explainStory(asking, new AbortController().signal);
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(remedy);
  });

  it("refuses another business's recipient, and what is no address", async () => {
    const [id = ''] = await recipientIdsOf(service, [{ phone: '+393338000008' }], 'doubt');
    const refused = explainStory([...argsOf({ phone: '' }), '--recipient', id], new AbortController().signal);
    await expect(refused).rejects.toThrow('--recipient is the recipient of another business');
    const nobody = await audit(['explain', ...argsOf({ phone: '' })], { input: ' \n\n' });
    expect([nobody.code, nobody.stdout]).toEqual([2, '']);
    expect(nobody.stderr).toContain('no address came');
    const noAddress = await audit(['explain', ...argsOf({ phone: '' })], { input: '???' });
    expect([noAddress.code, noAddress.stdout]).toEqual([2, '']);
    expect(noAddress.stderr).toContain('the address cannot be read');
  });
});
