import { describe, expect, it } from '@jest/globals';
import { EMPTY_BUSINESS, type Sender } from '#consent';
import { Catalogue } from './catalogue.js';
import type { BusinessRow } from './port.js';

const senderOf = (senderId: string, retired = false): Sender => ({
  senderId,
  channel: 'whatsapp',
  provider: 'whatsapp_cloud',
  address: '+390212345',
  providerId: '106540352242922',
  ...(retired ? { retired: true } : {}),
});

const rowOf = (businessId: string, revision: number, senders: readonly Sender[]): BusinessRow => ({
  businessId,
  revision: String(revision),
  state: { ...EMPTY_BUSINESS, senders },
});

function routeAfter(...rows: BusinessRow[]) {
  const catalogue = new Catalogue();
  rows.forEach((row) => catalogue.offer(row));
  const route = catalogue.senderBy('whatsapp_cloud', '106540352242922');
  return route && [route.businessId, route.sender.senderId];
}

describe('the catalogue', () => {
  it('takes the newer row, whoever brings it', () => {
    const catalogue = new Catalogue();
    const newer = rowOf('acme', 10, [senderOf('main')]);
    expect([catalogue.offer(newer), catalogue.offer(rowOf('acme', 9, []))]).toStrictEqual([true, false]);
    expect(catalogue.offer({ ...newer })).toBe(false);
    expect(catalogue.business('acme')).toBe(newer);
    expect([...catalogue.businesses()]).toStrictEqual([newer]);
  });

  it('knows no route to nobody', () => {
    const { providerId: _none, ...unbound } = senderOf('main');
    expect(routeAfter(rowOf('acme', 0, [unbound]))).toBeUndefined();
  });

  it('routes to a sender that is retired while nobody else has bound it', () => {
    expect(routeAfter(rowOf('acme', 0, [senderOf('main')]), rowOf('acme', 1, [senderOf('main', true)]))).toStrictEqual([
      'acme',
      'main',
    ]);
  });

  it('routes to the business that bound it since, also where the older one changes later', () => {
    const [bound, retired] = [rowOf('acme', 0, [senderOf('main')]), rowOf('acme', 1, [senderOf('main', true)])];
    const zeta = rowOf('zeta', 0, [senderOf('wa')]);
    expect(routeAfter(bound, retired, zeta, rowOf('acme', 2, [senderOf('main', true)]))).toStrictEqual(['zeta', 'wa']);
    expect(routeAfter(retired, zeta)).toStrictEqual(['zeta', 'wa']);
    expect(routeAfter(zeta, retired)).toStrictEqual(['zeta', 'wa']);
  });

  it('routes an id that two have given up to who had it last, in whatever order the rows come', () => {
    const given = (boundAt: string): Sender => ({ ...senderOf('main', true), boundAt });
    const acme = rowOf('acme', 3, [given('2026-01-01T00:00:00.000Z')]);
    const zeta = rowOf('zeta', 3, [given('2026-02-01T00:00:00.000Z')]);
    expect(routeAfter(acme, zeta)).toStrictEqual(['zeta', 'main']);
    expect(routeAfter(zeta, acme)).toStrictEqual(['zeta', 'main']);
  });

  it('still routes an id that its sender had before, as one given up', () => {
    const boundAt = '2026-01-01T00:00:00.000Z';
    const former = { provider: 'whatsapp_cloud', providerId: '106540352242922', boundAt } as const;
    const rebound: Sender = { ...senderOf('main'), providerId: '2', formerIds: [former] };
    const catalogue = new Catalogue();
    catalogue.offer(rowOf('acme', 0, [rebound]));
    expect(catalogue.senderBy('whatsapp_cloud', '106540352242922')?.sender.retired).toBe(true);
    expect(catalogue.senderBy('whatsapp_cloud', '2')?.sender.retired).toBeUndefined();
    expect(routeAfter(rowOf('acme', 0, [rebound]), rowOf('zeta', 0, [senderOf('wa')]))).toStrictEqual(['zeta', 'wa']);
  });

  it('prefers the sender in use within one business', () => {
    expect(routeAfter(rowOf('acme', 0, [senderOf('new'), senderOf('old', true)]))).toStrictEqual(['acme', 'new']);
    expect(routeAfter(rowOf('acme', 0, [senderOf('old', true), senderOf('new')]))).toStrictEqual(['acme', 'new']);
  });
});
