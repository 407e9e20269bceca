import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makeApiKey } from './api-keys.js';
import { describeErasing } from './erasing-contract.js';
import type { VaultPlace } from './place-contract.js';
import { SealInvalid, VaultUnavailable, type Sealed, type Unrouted, type Vault } from './port.js';

const PERSONAL = { address: '+39 02 1234567', text: 'Basta, grazie \u{1f64f}', empty: '' };
const EVENT = '7d8f7a52-5c64-8f0e-9a3b-0c1d2e3f4a5b';
const ENTRY: Unrouted = {
  id: 'b',
  provider: 'whatsapp_cloud',
  reason: 'unknown_sender',
  kind: 'messages',
  providerId: '1001',
  receivedAt: '2026-03-02T00:00:00.000Z',
};

/** The suite that every vault has to pass. */
export function describeVault(name: string, makePlace: () => Promise<VaultPlace>): void {
  let place: VaultPlace;
  let vault: Vault;
  const reopen = async () => {
    await vault.close();
    vault = await place.open();
  };
  beforeEach(async () => {
    place = await makePlace();
    vault = await place.open();
  });
  afterEach(async () => {
    await vault.close();
    await place.remove();
  });

  describe(`${name}: sealing`, () => {
    it('opens what it sealed, also after it was opened anew, and shows nothing of it', async () => {
      const sealed = await vault.seal('recipient', EVENT, PERSONAL);
      expect(Object.keys(sealed.fields)).toEqual(Object.keys(PERSONAL));
      expect(JSON.stringify(sealed)).not.toMatch(/1234567|Basta/);
      expect(await vault.open('recipient', EVENT, sealed)).toEqual(PERSONAL);
      await reopen();
      expect(await vault.open('recipient', EVENT, sealed)).toEqual(PERSONAL);
    });

    it('never seals the same text into the same bytes', async () => {
      const [one, other] = [await vault.seal('r', EVENT, PERSONAL), await vault.seal('r', EVENT, PERSONAL)];
      expect(one.fields.address).not.toBe(other.fields.address);
    });

    it('knows nothing of a recipient without a key', async () => {
      const sealed = await vault.seal('one', EVENT, PERSONAL);
      expect(await vault.open('another', EVENT, sealed)).toBeUndefined();
    });

    it('knows a value again by its fingerprint, for one recipient and without showing it', async () => {
      const print = await vault.fingerprint('one', { text: 'Basta', to: { a: 1, b: [2] } });
      expect(print).toMatch(/^[\w-]{43}$/);
      await reopen();
      expect(await vault.fingerprint('one', { to: { b: [2], a: 1 }, text: 'Basta' })).toBe(print);
      expect(await vault.fingerprint('one', { text: 'basta', to: { a: 1, b: [2] } })).not.toBe(print);
      expect(await vault.fingerprint('another', { text: 'Basta', to: { a: 1, b: [2] } })).not.toBe(print);
    });

    it('is empty until something is kept in it', async () => {
      expect(await vault.isEmpty()).toBe(true);
      await vault.seal('recipient', EVENT, PERSONAL);
      expect(await vault.isEmpty()).toBe(false);
      await reopen();
      expect(await vault.isEmpty()).toBe(false);
    });

    it('gives two first seals at once the same key, which is the stored one', async () => {
      const recipients = Array.from({ length: 20 }, (_, index) => `recipient-${index}`);
      const seals = recipients.flatMap((id) =>
        [1, 2, 3].map(async () => ({ id, sealed: await vault.seal(id, EVENT, PERSONAL) })),
      );
      const all = await Promise.all(seals);
      await reopen();
      for (const { id, sealed } of all) expect(await vault.open(id, EVENT, sealed)).toEqual(PERSONAL);
    });

    it('throws where the seal was moved to another event, field or recipient', async () => {
      const sealed = await vault.seal('one', EVENT, PERSONAL);
      await vault.seal('other', EVENT, PERSONAL);
      const { address = '', text = '' } = sealed.fields;
      await expect(vault.open('one', EVENT.replace('7', '8'), sealed)).rejects.toThrow(SealInvalid);
      await expect(vault.open('one', EVENT, { v: 1, fields: { address: text, text: address } })).rejects.toThrow(
        SealInvalid,
      );
      await expect(vault.open('other', EVENT, sealed)).rejects.toThrow(SealInvalid);
    });

    it('throws where a single bit of the seal was altered', async () => {
      const sealed = await vault.seal('one', EVENT, { field: 'text' });
      const bytes = Buffer.from(sealed.fields.field ?? '', 'base64url');
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const altered = Buffer.from(bytes);
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const moved: Sealed = { v: 1, fields: { field: altered.toString('base64url') } };
        await expect(vault.open('one', EVENT, moved)).rejects.toThrow(SealInvalid);
      }
    });

    it.each([
      null,
      {},
      { v: 2, fields: {} },
      { v: 1 },
      { v: 1, fields: null },
      { v: 1, fields: { a: 7 } },
      { v: 1, fields: { a: '' } },
    ])('throws where the ledger holds something else: %j', async (stored) => {
      await vault.seal('one', EVENT, PERSONAL);
      await expect(vault.open('one', EVENT, stored as unknown as Sealed)).rejects.toThrow(SealInvalid);
    });

    it('keeps its id', async () => {
      const { vaultId } = vault;
      expect(vaultId.length).toBeGreaterThanOrEqual(16);
      await reopen();
      expect(vault.vaultId).toBe(vaultId);
    });
  });

  describeErasing(name, makePlace);

  describe(`${name}: API keys`, () => {
    const forAll = makeApiKey({ name: 'all', scopes: ['audit:read'], createdAt: '2026-01-03T00:00:00.000Z' }).key;
    const [late, early] = ['2026-01-02T00:00:00.000Z', '2026-01-01T00:00:00.000Z'].map(
      (createdAt) =>
        makeApiKey({ businessId: 'acme', name: 'shop', scopes: ['consent:write', 'eligibility:read'], createdAt }).key,
    );
    if (!late || !early) throw new Error('two keys were made');

    it('are found, listed by business oldest first, replaced and deleted', async () => {
      for (const key of [late, forAll, early]) await vault.putApiKey(key);
      expect(await vault.findApiKey(forAll.keyId)).toEqual(forAll);
      expect(await vault.findApiKey('unknown')).toBeUndefined();
      expect(await vault.listApiKeys('acme')).toEqual([early, late]);
      expect(await vault.listApiKeys('ACME')).toEqual([]);
      expect(await vault.listApiKeys(undefined)).toEqual([forAll]);
      await vault.putApiKey({ ...early, name: 'renamed' });
      expect(await vault.findApiKey(early.keyId)).toEqual({ ...early, name: 'renamed' });
      expect(await vault.deleteApiKey(early.keyId)).toBe(true);
      expect(await vault.deleteApiKey(early.keyId)).toBe(false);
      await reopen();
      expect(await vault.listApiKeys('acme')).toEqual([late]);
    });
  });

  describe(`${name}: unrouted deliveries`, () => {
    const body = '{"from":"39021234567"}';
    const { providerId: _of, ...withoutSender } = ENTRY;
    const later = { ...ENTRY, id: 'a', receivedAt: '2026-03-03T00:00:00.000Z' };
    const other = { ...withoutSender, id: 'c', receivedAt: '2026-03-01T00:00:00.000Z' };
    const keepAll = () => vault.keepUnrouted([ENTRY, later, other].map((entry) => ({ entry, body })));
    const idsOf = (entries: readonly Unrouted[]) => entries.map(({ id }) => id);

    it('are opened, and kept as they first were', async () => {
      await keepAll();
      await vault.keepUnrouted([{ entry: { ...ENTRY, reason: 'unreadable' }, body: 'another' }]);
      expect(await vault.openUnrouted('b')).toEqual({ entry: ENTRY, body });
      expect(await vault.openUnrouted('c')).toEqual({ entry: other, body });
      expect(await vault.openUnrouted('d')).toBeUndefined();
    });

    it('are listed a page at a time, also when what the page before ended with is gone', async () => {
      await keepAll();
      expect(idsOf(await vault.listUnrouted({ limit: 2 }))).toEqual(['a', 'b']);
      await vault.dropUnrouted(['b', 'unknown']);
      expect(await vault.listUnrouted({ after: 'b', limit: 2 })).toEqual([other]);
      expect(await vault.listUnrouted({ after: 'c', limit: 2 })).toEqual([]);
    });

    it('are listed by sender, oldest first', async () => {
      await keepAll();
      expect(idsOf(await vault.listUnroutedOf('whatsapp_cloud', '1001', 9))).toEqual(['b', 'a']);
      expect(idsOf(await vault.listUnroutedOf('whatsapp_cloud', '1001', 1))).toEqual(['b']);
      expect(await vault.listUnroutedOf('twilio', '1001', 9)).toEqual([]);
    });

    it('are dropped by age', async () => {
      await keepAll();
      expect(await vault.dropUnroutedBefore(later.receivedAt)).toBe(2);
      expect(await vault.dropUnroutedBefore(later.receivedAt)).toBe(0);
      expect(idsOf(await vault.listUnrouted({ limit: 9 }))).toEqual(['a']);
    });

    it('are kept whatever they are called, and found by the same name', async () => {
      const odd = { ...ENTRY, kind: 'message:\0\ud800', providerId: '\0\udc00\u{1f64f}1' };
      await vault.keepUnrouted([
        { entry: odd, body },
        { entry: later, body },
      ]);
      const kept = { ...odd, kind: 'message:\ufffd\ufffd', providerId: '\ufffd\ufffd\u{1f64f}1' };
      expect(await vault.listUnroutedOf('whatsapp_cloud', odd.providerId, 9)).toEqual([kept]);
      expect(await vault.openUnrouted('b')).toEqual({ entry: kept, body });
      expect(idsOf(await vault.listUnrouted({ limit: 9 }))).toEqual(['a', 'b']);
    });

    it('hold large bodies, and survive being opened anew', async () => {
      const large = 'x\u20ac'.repeat(700_000);
      await vault.keepUnrouted([{ entry: ENTRY, body: large }]);
      await reopen();
      expect((await vault.openUnrouted('b'))?.body).toBe(large);
    });
  });

  describe(`${name}: closed`, () => {
    it('says that it is unavailable, and may be closed again', async () => {
      const sealed = await vault.seal('one', EVENT, PERSONAL);
      await vault.close();
      await vault.close();
      await expect(vault.seal('new', EVENT, PERSONAL)).rejects.toThrow(VaultUnavailable);
      await expect(vault.open('new', EVENT, sealed)).rejects.toThrow(VaultUnavailable);
      await expect(vault.findApiKey('any')).rejects.toThrow(VaultUnavailable);
      await expect(vault.deleteApiKey('any')).rejects.toThrow(VaultUnavailable);
      await expect(vault.keepUnrouted([{ entry: ENTRY, body: '' }])).rejects.toThrow(VaultUnavailable);
    });
  });
}
