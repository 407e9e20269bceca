import { describe, expect, it } from '@jest/globals';
import { fold, type ConsentEvent, type ConsentRevoked } from './consent.js';
import { EMPTY_STATE } from './state.js';
import { REVOCATION_METHODS } from './vocabulary.js';

const AT = '2026-05-01T10:00:00.000Z';
const LATER = '2026-05-01T11:00:00.000Z';
const facts = { businessId: 'acme', occurredAt: AT };
const origin = { eventId: 'e1', stream: 'consent-r1', revision: '3', recordedAt: LATER };
const basis = (type: string) => ({ ...origin, type, occurredAt: AT });

function stateAfter(event: ConsentEvent) {
  return fold(EMPTY_STATE, event, origin);
}

function revocation(data: Partial<ConsentRevoked['data']>): ConsentRevoked {
  const scope = { channels: ['whatsapp'], purposes: [], categories: ['*'], method: 'api' } as const;
  return { type: 'ConsentRevoked', data: { ...facts, ...scope, ...data } };
}

describe('folding one event', () => {
  it('a grant fills one cell for each channel and purpose', () => {
    const disclosure = { id: 'd', version: 2 };
    const data = {
      ...facts,
      channels: ['whatsapp', 'sms'],
      purposes: ['offers', 'news'],
      method: 'web_form',
      disclosure,
    } as const;
    const cell = { ...basis('ConsentGranted'), method: 'web_form', disclosure };
    expect(stateAfter({ type: 'ConsentGranted', data })).toEqual({
      ...EMPTY_STATE,
      grants: [
        { channel: 'sms', purpose: 'news', ...cell },
        { channel: 'sms', purpose: 'offers', ...cell },
        { channel: 'whatsapp', purpose: 'news', ...cell },
        { channel: 'whatsapp', purpose: 'offers', ...cell },
      ],
    });
  });

  it('a grant keeps when it ends, and nothing where it does not', () => {
    const data = { ...facts, channels: ['sms'], purposes: ['offers'], method: 'api', expiresAt: LATER } as const;
    const [cell] = stateAfter({ type: 'ConsentGranted', data }).grants;
    expect(cell).toEqual({
      ...basis('ConsentGranted'),
      method: 'api',
      channel: 'sms',
      purpose: 'offers',
      expiresAt: LATER,
    });
    const { expiresAt: _, ...lasting } = data;
    expect(stateAfter({ type: 'ConsentGranted', data: lasting }).grants[0]).not.toHaveProperty('expiresAt');
  });

  it('a revocation fills one cell for each channel, purpose and category', () => {
    const event = revocation({ channels: ['whatsapp', 'sms'], purposes: ['offers'], categories: ['utility'] });
    const cell = { ...basis('ConsentRevoked'), method: 'api' };
    expect(stateAfter(event)).toEqual({
      ...EMPTY_STATE,
      revocations: [
        { channel: 'sms', category: 'utility', ...cell },
        { channel: 'sms', purpose: 'offers', ...cell },
        { channel: 'whatsapp', category: 'utility', ...cell },
        { channel: 'whatsapp', purpose: 'offers', ...cell },
      ],
    });
  });

  it('a block is a revocation and blocks', () => {
    const cell = { ...basis('ConsentRevoked'), method: 'block' };
    expect(stateAfter(revocation({ method: 'block' }))).toEqual({
      ...EMPTY_STATE,
      revocations: [{ channel: 'whatsapp', category: '*', ...cell }],
      blocks: [{ channel: 'whatsapp', ...cell }],
    });
  });

  it.each(REVOCATION_METHODS)(
    'a no by %s notes a stop that may be confirmed only where a machine took it',
    (method) => {
      const state = stateAfter(revocation({ method, confirmUntil: LATER }));
      const automatic = ['keyword', 'button', 'provider_opt_out'].includes(method);
      const confirmation = { ...basis('ConsentRevoked'), method, until: LATER };
      expect(state.confirmations).toEqual(automatic ? [{ channel: 'whatsapp', stoppedAt: AT, confirmation }] : []);
      expect(state.blocks).toHaveLength(method === 'block' ? 1 : 0);
      expect(state.revocations).toHaveLength(1);
    },
  );

  it('a stop on every channel is noted and never confirmed', () => {
    const event = revocation({ channels: ['*'], method: 'keyword', confirmUntil: LATER });
    expect(stateAfter(event).confirmations).toEqual([{ channel: '*', stoppedAt: AT }]);
    const { confirmations } = stateAfter(revocation({ method: 'keyword' }));
    expect(confirmations).toEqual([{ channel: 'whatsapp', stoppedAt: AT }]);
  });

  it("a provider's own stop of marketing has a cell that its resume can lift", () => {
    const own = { method: 'provider_preference', sender: 'shop', categories: ['marketing'] } as const;
    const stop = { ...basis('ConsentRevoked'), method: 'provider_preference' };
    const preferences = [{ channel: 'whatsapp', sender: 'shop', stop }];
    expect(stateAfter(revocation(own))).toEqual({ ...EMPTY_STATE, preferences });
    const wider = [
      { ...own, categories: ['*'] as const },
      { ...own, categories: ['marketing', 'utility'] as const },
      { ...own, categories: ['utility'] as const },
      { ...own, purposes: ['offers'] },
      { ...own, channels: ['*'] as const },
      { ...own, method: 'provider_opt_out' as const },
    ];
    for (const data of wider) {
      const state = stateAfter(revocation(data));
      expect(state.preferences).toEqual([]);
      expect(state.revocations.length).toBeGreaterThan(0);
    }
    const { sender: _, ...ofNobody } = own;
    expect(stateAfter(revocation(ofNobody))).toMatchObject({
      preferences: [],
      revocations: [{ category: 'marketing' }],
    });
  });

  it('a resume, a message, an erasure and an unreadable event have their cells', () => {
    const resumed = { type: 'PreferenceResumed', data: { ...facts, channel: 'whatsapp', sender: 'shop' } } as const;
    const preferences = [{ channel: 'whatsapp', sender: 'shop', resume: basis('PreferenceResumed') }];
    expect(stateAfter(resumed)).toEqual({ ...EMPTY_STATE, preferences });
    const wrote = { type: 'UserMessaged', data: { ...facts, channel: 'sms', sender: 'shop', kind: 'call' } } as const;
    const contacts = [{ ...basis('UserMessaged'), channel: 'sms', sender: 'shop' }];
    expect(stateAfter(wrote)).toEqual({ ...EMPTY_STATE, contacts });
    expect(stateAfter({ type: 'RecipientErased', data: facts })).toEqual({
      ...EMPTY_STATE,
      erased: basis('RecipientErased'),
    });
    const unreadable = { type: 'Unreadable', data: { occurredAt: AT, storedType: 'ConsentSold' } } as const;
    expect(stateAfter(unreadable)).toEqual({ ...EMPTY_STATE, unreadable: basis('Unreadable') });
  });

  it('a link keeps its kind and role, an unlink stands beside it', () => {
    const linked = { ...facts, other: 'r2', kind: 'changed_number', role: 'old' } as const;
    const link = { ...basis('RecipientLinked'), kind: 'changed_number', role: 'old' };
    expect(stateAfter({ type: 'RecipientLinked', data: linked }).links).toEqual([{ recipientId: 'r2', link }]);
    const { role: _, ...same } = { ...linked, kind: 'same_person' as const };
    const [cell] = stateAfter({ type: 'RecipientLinked', data: same }).links;
    expect(cell).toEqual({ recipientId: 'r2', link: { ...basis('RecipientLinked'), kind: 'same_person' } });
    const unlinked = { type: 'RecipientUnlinked', data: { ...facts, other: 'r2' } } as const;
    expect(stateAfter(unlinked).links).toEqual([{ recipientId: 'r2', unlink: basis('RecipientUnlinked') }]);
    expect(fold(stateAfter({ type: 'RecipientLinked', data: linked }), unlinked, origin).links).toEqual([
      { recipientId: 'r2', link, unlink: basis('RecipientUnlinked') },
    ]);
  });
});
