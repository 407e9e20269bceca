import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openPostgres, type Postgres } from '#postgres';
import { removePostgresServers, startPostgres, type PostgresServer } from '../../../test/postgres/server.js';
import { until } from '../../../test/faults/until.js';
import { makeApiKey } from '../api-keys.js';
import { describeVault } from '../contract.js';
import { SealInvalid, VaultUnavailable, type Sealed, type Unrouted, type Vault } from '../port.js';
import { SecretsRefused } from '../secret-file.js';
import { openPostgresVault } from './postgres-vault.js';

const KEY = Buffer.alloc(32, 1);

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => removePostgresServers());

let schemas = 0;
const newSchema = () => `vault_${(schemas += 1)}`;

describeVault('PostgreSQL', async () => {
  const postgres = openPostgres({ url: server.url, schema: newSchema() });
  return {
    open: () => openPostgresVault(postgres, { keyEncryptionKey: KEY, limits: { withdrawAfterMs: 0 } }),
    remove: () => postgres.close(),
  };
});

describe('the vault in a database', () => {
  const PERSONAL = { address: '+39 02 1234567', email: 'ada@example.org' };
  const ENTRY: Unrouted = {
    id: 'a',
    provider: 'whatsapp_cloud',
    reason: 'unreadable',
    kind: 'messages',
    receivedAt: '2026-03-01T00:00:00.000Z',
  };
  let schema: string;
  let opened: Postgres[];
  const connect = (limits = {}) => {
    const postgres = openPostgres({ url: server.url, schema, limits });
    opened.push(postgres);
    return postgres;
  };
  const open = (keyEncryptionKey = KEY) => openPostgresVault(connect(), { keyEncryptionKey });
  const sql = async (text: string) => (await server.asRoot('consent', [`SET search_path = ${schema}`, text]))[1]?.rows;

  beforeEach(() => {
    schema = newSchema();
    opened = [];
  });
  afterEach(async () => {
    await Promise.all(opened.map((postgres) => postgres.close()));
  });

  it('spares the key that was made since, where an erasure’s last step failed and is asked for again', async () => {
    const vault = await open();
    const gone = await vault.seal('one', 'event', PERSONAL);
    const holder = await connect().hold();
    await holder.run('BEGIN');
    await holder.run('LOCK TABLE data_keys IN SHARE UPDATE EXCLUSIVE MODE');
    const limits = { vacuumMs: 100 };
    const impatient = await openPostgresVault(connect(), { keyEncryptionKey: KEY, limits });
    await expect(impatient.eraseRecipient('one', 'erasure')).rejects.toBeInstanceOf(VaultUnavailable);
    const anew = await vault.seal('one', 'event', PERSONAL);
    await holder.run('ROLLBACK');
    holder.release();
    expect(await vault.listAnnouncedErasures()).toMatchObject([{ eventId: 'erasure', isOver: false }]);
    expect(await vault.eraseRecipient('one', 'erasure')).toBe(true);
    expect(await vault.eraseRecipient('one', 'erasure')).toBe(false);
    expect(await vault.listAnnouncedErasures()).toEqual([]);
    expect(await vault.open('one', 'event', gone)).toBeUndefined();
    expect(await vault.open('one', 'event', anew)).toEqual(PERSONAL);
  });

  it('is made once by many replicas at once', async () => {
    const vaults = await Promise.all([1, 2, 3, 4, 5].map(() => open()));
    expect(new Set(vaults.map(({ vaultId }) => vaultId)).size).toBe(1);
  });

  it('is one key’s: whoever comes with another is refused, also at the same time', async () => {
    const outcomes = await Promise.allSettled([open(), open(Buffer.alloc(32, 2))]);
    const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toBeInstanceOf(SecretsRefused);
    expect(reasons[0]).toMatchObject({ source: 'KEY_ENCRYPTION_KEY' });
  });

  it('gives two replicas the same first key, many at once in few statements', async () => {
    const replicas = await Promise.all([open(), open()]);
    const people = Array.from({ length: 600 }, (_, n) => `person-${n}`);
    const seals = replicas.map((vault) => Promise.all(people.map((id) => vault.seal(id, 'event', PERSONAL))));
    const [ones, others] = await Promise.all(seals);
    const reader = await open();
    for (const [n, id] of people.entries()) {
      expect(await reader.open(id, 'event', ones?.[n] as Sealed)).toEqual(PERSONAL);
      expect(await reader.open(id, 'event', others?.[n] as Sealed)).toEqual(PERSONAL);
    }
  });

  it('opens and seals nothing under a key that another replica destroyed', async () => {
    const [here, there] = [await open(), await open()];
    const before = await here.seal('one', 'event', PERSONAL);
    const print = await here.fingerprint('one', PERSONAL);
    expect(await here.open('one', 'event', before)).toEqual(PERSONAL);
    expect(await there.eraseRecipient('one', 'erasure')).toBe(true);
    expect(await here.open('one', 'event', before)).toBeUndefined();
    const after = await here.seal('one', 'event', PERSONAL);
    expect(after.life).toBe(2);
    expect(await there.open('one', 'event', after)).toEqual(PERSONAL);
    expect(await here.fingerprint('one', PERSONAL)).not.toBe(print);
    expect(await here.eraseRecipient('one', 'erasure')).toBe(false);
  });

  it('is of one mind about every key, while replicas seal and erase at once', async () => {
    const replicas = await Promise.all([open(), open(), open()]);
    const vaultOf = (n: number) => replicas[n % replicas.length] as Vault;
    for (let round = 0; round < 15; round += 1) {
      const sealed = await Promise.all([
        ...[0, 1, 2].map((n) => vaultOf(n).seal('one', 'event', PERSONAL)),
        vaultOf(round)
          .eraseRecipient('one', `erasure-${round}`)
          .then(() => vaultOf(round).seal('one', 'event', PERSONAL)),
        ...[1, 2].map((n) => vaultOf(n).seal('one', 'event', PERSONAL)),
      ]);
      const views = await Promise.all(
        replicas.map((vault) => Promise.all(sealed.map((part) => vault.open('one', 'event', part)))),
      );
      expect(views[1]).toEqual(views[0]);
      expect(views[2]).toEqual(views[0]);
      expect(views[0]?.[3]).toEqual(PERSONAL);
    }
  });

  it('takes nobody’s announcement back while its replica may be about to write the event', async () => {
    const vault = await open();
    await vault.announceErasure('one', 'erasure');
    await vault.withdrawErasure('erasure');
    expect(await vault.listAnnouncedErasures()).toHaveLength(1);
    const aMinutePasses = () => sql(`UPDATE erasures SET announced_at = now() - interval '61 seconds'`);
    await aMinutePasses();
    await vault.announceErasure('one', 'erasure');
    await vault.withdrawErasure('erasure');
    expect(await vault.listAnnouncedErasures()).toHaveLength(1);
    await aMinutePasses();
    await vault.withdrawErasure('erasure');
    expect(await vault.listAnnouncedErasures()).toEqual([]);
  });

  it('looks up any number of API keys at once with the few sessions that there are', async () => {
    const vault = await openPostgresVault(connect({ poolMax: 4, waitingMax: 4 }), { keyEncryptionKey: KEY });
    const { key } = makeApiKey({ name: 'known', scopes: ['audit:read'], createdAt: '2026-03-01T00:00:00.000Z' });
    await vault.putApiKey(key);
    const asked = [key.keyId, ...Array.from({ length: 500 }, (_, n) => String(n).padStart(16, '0'))];
    const [known, ...strangers] = await Promise.all(asked.map((keyId) => vault.findApiKey(keyId)));
    expect(known).toEqual(key);
    expect(new Set(strangers)).toEqual(new Set([undefined]));
  });

  it('takes a destroyed key out of its page, and does not say that it is done before', async () => {
    const vault = await openPostgresVault(connect({ lockTimeoutMs: 200 }), { keyEncryptionKey: KEY });
    const deadRows = async () => {
      await sql('CREATE EXTENSION IF NOT EXISTS pageinspect');
      const items = await sql(
        `SELECT t_data FROM heap_page_items(get_raw_page('data_keys', 0)) WHERE t_data IS NOT NULL`,
      );
      return (items as { t_data: Buffer }[]).map(({ t_data }) => t_data);
    };
    await vault.seal('one', 'event', PERSONAL);
    const [[wrapped] = []] = await connect().query<[Buffer]>({ name: 'w', text: 'SELECT wrapped FROM data_keys' });
    const holdsKey = async () => (await deadRows()).some((row) => row.includes(wrapped as Buffer));
    expect(await holdsKey()).toBe(true);
    const other = await connect().hold();
    await other.run('BEGIN; LOCK TABLE data_keys IN SHARE UPDATE EXCLUSIVE MODE');
    await expect(vault.eraseRecipient('one', 'erasure')).rejects.toThrow(VaultUnavailable);
    expect(await holdsKey()).toBe(true);
    expect(await vault.listAnnouncedErasures()).toMatchObject([{ eventId: 'erasure' }]);
    other.release();
    expect(await until('it is erased', () => vault.eraseRecipient('one', 'erasure').catch(() => undefined))).toBe(true);
    expect(await holdsKey()).toBe(false);
    expect(await vault.listAnnouncedErasures()).toEqual([]);
  });

  it('holds nothing personal in the clear, in its tables, its log and the server’s own', async () => {
    const vault = await open();
    await vault.seal('one', 'event', PERSONAL);
    await vault.keepUnrouted([{ entry: { ...ENTRY, kind: 'a-kind-to-be-found' }, body: JSON.stringify(PERSONAL) }]);
    await vault.eraseRecipient('one', 'erasure');
    await server.asRoot('consent', ['CHECKPOINT']);
    expect(server.holds(Buffer.from('a-kind-to-be-found'))).toBe(true);
    expect(server.holds(Buffer.from('1234567'))).toBe(false);
    expect(server.holds(Buffer.from('ada@example'))).toBe(false);
  });

  it('throws where a stored key was put under another recipient, and where a body was altered', async () => {
    const vault = await open();
    await vault.seal('one', 'event', PERSONAL);
    await vault.seal('two', 'event', PERSONAL);
    await vault.keepUnrouted(['a', 'b'].map((id) => ({ entry: { ...ENTRY, id }, body: id })));
    await sql(`UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE recipient_id = 'one')`);
    await sql(`UPDATE unrouted SET body = (SELECT body FROM unrouted WHERE id = 'a')`);
    await expect(vault.seal('two', 'event', PERSONAL)).rejects.toThrow(SealInvalid);
    await expect(vault.openUnrouted('b')).rejects.toThrow(SealInvalid);
    expect(await vault.openUnrouted('a')).toMatchObject({ body: 'a' });
  });

  it('keeps what it acknowledged when the server is killed, and says when it is away', async () => {
    const vault = await open();
    const sealed = await vault.seal('one', 'event', PERSONAL);
    const erased = await vault.seal('two', 'event', PERSONAL);
    await vault.eraseRecipient('two', 'erasure');
    await server.kill();
    await expect(vault.open('one', 'event', sealed)).rejects.toThrow(VaultUnavailable);
    await expect(vault.seal('three', 'event', PERSONAL)).rejects.toThrow(VaultUnavailable);
    await expect(vault.eraseRecipient('one', 'another')).rejects.toThrow(VaultUnavailable);
    await server.start();
    expect(await until('it answers again', () => vault.open('one', 'event', sealed).catch(() => undefined))).toEqual(
      PERSONAL,
    );
    expect(await vault.open('two', 'event', erased)).toBeUndefined();
    expect(await vault.eraseRecipient('two', 'erasure')).toBe(false);
  });
});
