import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { VaultPlace } from './place-contract.js';
import { SealInvalid, VaultUnavailable, type Sealed, type Vault } from './port.js';

const PERSONAL = { address: '+39 02 1234567' };
const EVENT = '7d8f7a52-5c64-8f0e-9a3b-0c1d2e3f4a5b';
const [ONE, OTHER] = ['erasure-1', 'erasure-2'] as const;

/** What every vault has to do of erasing a person. */
export function describeErasing(name: string, makePlace: () => Promise<VaultPlace>): void {
  let place: VaultPlace;
  let vault: Vault;
  const reopen = async () => {
    await vault.close();
    vault = await place.open();
  };
  const seal = (recipientId = 'one') => vault.seal(recipientId, EVENT, PERSONAL);
  const open = (sealed: Sealed, recipientId = 'one') => vault.open(recipientId, EVENT, sealed);

  beforeEach(async () => {
    place = await makePlace();
    vault = await place.open();
  });
  afterEach(async () => {
    await vault.close();
    await place.remove();
  });

  describe(`${name}: erasing`, () => {
    it('leaves nothing that was sealed before readable, and others alone', async () => {
      const [gone, kept] = [await seal('one'), await seal('other')];
      expect(await vault.eraseRecipient('one', ONE)).toBe(true);
      expect(await open(gone)).toBeUndefined();
      await reopen();
      expect(await open(gone)).toBeUndefined();
      expect(await open(kept, 'other')).toEqual(PERSONAL);
    });

    it('begins a new life with what is sealed afterwards, as often as it happens', async () => {
      const lives: Sealed[] = [];
      for (let life = 0; life < 4; life += 1) {
        lives.push(await seal());
        await vault.eraseRecipient('one', `erasure-${life}`);
      }
      const last = await seal();
      await reopen();
      for (const life of lives) expect(await open(life)).toBeUndefined();
      expect(await open(last)).toEqual(PERSONAL);
    });

    it('happens once for each event: a key made since lives on', async () => {
      await seal();
      await vault.eraseRecipient('one', ONE);
      const fresh = await seal();
      expect(await vault.eraseRecipient('one', ONE)).toBe(false);
      await reopen();
      expect(await vault.eraseRecipient('one', ONE)).toBe(false);
      expect(await open(fresh)).toEqual(PERSONAL);
      expect(await vault.eraseRecipient('one', OTHER)).toBe(true);
      expect(await open(fresh)).toBeUndefined();
    });

    it('is of effect for somebody who has no key', async () => {
      expect(await vault.eraseRecipient('nobody', ONE)).toBe(true);
      expect(await vault.eraseRecipient('nobody', ONE)).toBe(false);
      expect(await open(await seal('nobody'), 'nobody')).toEqual(PERSONAL);
    });

    it('keeps a fingerprint from being compared', async () => {
      const before = await vault.fingerprint('one', PERSONAL);
      await vault.eraseRecipient('one', ONE);
      expect(await vault.fingerprint('one', PERSONAL)).not.toBe(before);
    });

    it('takes no part of one life for one of another', async () => {
      const before = await seal();
      await vault.eraseRecipient('one', ONE);
      const { life = 0, ...after } = await seal();
      expect(life).toBeGreaterThan(1);
      expect(await open(after)).toBeUndefined();
      await expect(open({ ...before, life })).rejects.toThrow(SealInvalid);
      for (const broken of [0, 1.5, '2', null]) {
        await expect(open({ ...before, life: broken as number })).rejects.toThrow(SealInvalid);
      }
    });

    it('leaves no key in memory that is no longer in the store, whatever goes on beside it', async () => {
      // The erasure falls between any two steps of the first seal, also where both are written together.
      for (let hops = 0; hops < 12; hops += 1) {
        const id = `person-${hops}`;
        const first = seal(id);
        for (let hop = 0; hop < hops; hop += 1) await Promise.resolve();
        const erased = vault.eraseRecipient(id, `erasure of ${id}`);
        const sealed = await Promise.all([first, erased.then(() => seal(id))]);
        const inMemory = await Promise.all(sealed.map((part) => open(part, id)));
        await reopen();
        expect(await Promise.all(sealed.map((part) => open(part, id)))).toEqual(inMemory);
        expect(inMemory[1]).toEqual(PERSONAL);
      }
    });

    it('that was announced and not carried out is remembered until it is, or was taken back', async () => {
      await seal();
      await vault.announceErasure('one', ONE);
      await vault.announceErasure('one', ONE);
      await vault.announceErasure('two', OTHER);
      await reopen();
      expect(await vault.listAnnouncedErasures()).toEqual([
        { recipientId: 'one', eventId: ONE, isOver: false },
        { recipientId: 'two', eventId: OTHER, isOver: false },
      ]);
      expect(await vault.eraseRecipient('one', ONE)).toBe(true);
      await vault.withdrawErasure(OTHER);
      await vault.withdrawErasure(ONE);
      expect(await vault.listAnnouncedErasures()).toEqual([]);
      await seal();
      expect(await vault.eraseRecipient('one', ONE)).toBe(false);
    });

    it('that another one forestalled is known to be over once the person has come back', async () => {
      await seal();
      await vault.announceErasure('one', ONE);
      await vault.eraseRecipient('one', OTHER);
      expect(await vault.listAnnouncedErasures()).toMatchObject([{ eventId: ONE, isOver: false }]);
      await seal();
      expect(await vault.listAnnouncedErasures()).toMatchObject([{ eventId: ONE, isOver: true }]);
    });

    it('is refused by a vault that is closed', async () => {
      await vault.close();
      await expect(vault.announceErasure('one', ONE)).rejects.toThrow(VaultUnavailable);
      await expect(vault.eraseRecipient('one', ONE)).rejects.toThrow(VaultUnavailable);
      await expect(vault.listAnnouncedErasures()).rejects.toThrow(VaultUnavailable);
    });
  });
}
