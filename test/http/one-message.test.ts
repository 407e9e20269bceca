import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { instantOf, MINUTE_MS, SECOND_MS } from '#consent';
import { SettableClock } from '#platform';
import { deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, headOf } from './support/acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');

describe('one WhatsApp message that is told of more than once', () => {
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  let people = 0;
  const somebody = () => `+39333530${String(1_000 + people++)}`;

  beforeAll(async () => {
    service = await startTestService({ clock: new SettableClock(NOON + MINUTE_MS) });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  const wrote = (phone: string, text: string) =>
    must(deliver(service, deliveryOf({ from: phone.slice(1), id: `wamid.${phone}`, text, at: NOON })));
  const tell = (phone: string, at: number) =>
    must(
      acme.message({
        recipient: { phone },
        channel: 'whatsapp',
        sender: 'main',
        messageId: `wamid.${phone}`,
        occurredAt: instantOf(at),
      }),
    );

  it('is a STOP that opens no window, though a caller told of it first and dated it later', async () => {
    const phone = somebody();
    await must(acme.grant(grantBody(phone, { occurredAt: instantOf(NOON) })));
    await tell(phone, NOON + 5 * SECOND_MS);
    await wrote(phone, 'STOP');
    expect(await acme.check({ phone }, 'service')).toMatchObject({ eligible: false, reason: 'REVOKED' });
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ eligible: false, reason: 'REVOKED' });
    const head = await headOf(service);
    await wrote(phone, 'STOP');
    await tell(phone, NOON + 5 * SECOND_MS);
    expect(await headOf(service)).toBe(head);
  });

  it('is a STOP that opens no window, though a caller tells of it afterwards and dates it later', async () => {
    const phone = somebody();
    await wrote(phone, 'STOP');
    await tell(phone, NOON + 5 * SECOND_MS);
    expect(await acme.check({ phone }, 'service')).toMatchObject({ eligible: false, reason: 'REVOKED' });
  });

  it('stops everything where that is what it says the second time', async () => {
    const phone = somebody();
    await wrote(phone, 'cancelar');
    expect(await acme.check({ phone }, 'service')).toMatchObject({ reason: 'SERVICE_WINDOW_OPEN' });
    await wrote(phone, 'STOP');
    expect(await acme.check({ phone }, 'service')).toMatchObject({ eligible: false, reason: 'REVOKED' });
  });
});
