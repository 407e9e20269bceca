import type { CommandBus } from '@nestjs/cqrs';
import { describe, expect, it } from '@jest/globals';
import { EMPTY_STATE } from '#consent';
import type { SamePerson } from '#providers';
import type { Caller } from '../commands/caller.js';
import type { Parts } from '../parts.js';
import { PeopleLinker } from './link-people.js';

const PERSON: SamePerson = {
  providerId: '106540352242922',
  messageId: 'wamid.1',
  claimedSecond: '2026-05-04T12:00:00.000Z',
  phone: { kind: 'phone', digits: '393331234567' },
  userId: { kind: 'whatsapp_user_id', value: 'IT.1349' },
};

/** A linker over a view that knows of everybody and has heard of no link yet; its commands wait to be let through. */
function linkerOf() {
  const waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  const commands = {
    execute: () => new Promise<void>((resolve, reject) => waiting.push({ resolve, reject })),
  } as unknown as CommandBus;
  const parts = {
    ids: { recipientId: (businessId: string, kind: string, keyForm: string) => `${businessId} ${kind} ${keyForm}` },
    view: {
      catalogue: { business: () => undefined },
      lookUp: (_: string, ids: readonly string[]) => ({ ok: true, states: ids.map(() => EMPTY_STATE) }),
    },
    store: { readStream: async () => [] },
    clock: { now: () => Date.parse('2026-05-04T12:00:01.000Z') },
  } as unknown as Parts;
  return { linker: new PeopleLinker(commands, parts), waiting };
}

const caller: Caller = { actor: 'webhook:whatsapp_cloud', requestId: 'r' };
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('links on their way', () => {
  it('are waited for by whoever names the same two, and written once for each business', async () => {
    const { linker, waiting } = linkerOf();
    const links = [
      linker.link('acme', PERSON, caller),
      linker.link('acme', { ...PERSON, messageId: 'wamid.2' }, caller),
      linker.link('zeta', PERSON, caller),
    ];
    await turn();
    expect(waiting).toHaveLength(2);
    waiting.forEach(({ resolve }) => resolve());
    await Promise.all(links);
  });

  it('that fail fail for all who wait, and are tried by the next', async () => {
    const { linker, waiting } = linkerOf();
    const links = [linker.link('acme', PERSON, caller), linker.link('acme', PERSON, caller)];
    await turn();
    waiting.forEach(({ reject }) => reject(new Error('the ledger is away')));
    for (const link of links) await expect(link).rejects.toThrow('the ledger is away');
    const again = linker.link('acme', PERSON, caller);
    await turn();
    expect(waiting).toHaveLength(2);
    waiting[1]?.resolve();
    await again;
  });
});
