import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Appended, EventStore, NewEvent, ReadAllOptions } from '#event-store';
import Database from 'better-sqlite3';
import { PackedTable } from '#packed';
import { StorageError } from '#sqlite';
import { MemoryLedger } from './memory-ledger.js';
import { rebuildView } from './rebuild.js';
import { grant, message, purpose, stop } from './sample-events.js';
import { SqliteView } from './sqlite-view.js';
import { currentViewFile, pointTo } from './view-files.js';
import { acknowledge, revocationsIn, stateIn, until, ViewScene } from './view-scene.js';

let scene: ViewScene;
beforeEach(() => {
  scene = new ViewScene();
});
afterEach(async () => {
  await scene.close();
  scene.remove();
});

const append = (stream: string, event: NewEvent): Promise<Appended> => scene.memory.append(stream, [event]);

describe('a commit that is in the file and seemed to fail', () => {
  it('is not missing from a rebuilt file that takes its place', async () => {
    for (const recipientId of ['r1', 'r2']) await append(`consent-${recipientId}`, grant(1));
    const view = await scene.open();
    await until(() => view.status().position === 'ledger.2');
    // The rebuilt file is of before the opt-out, and is found after it.
    await rebuildView({ store: scene.memory, dataDir: scene.dataDir, onProgress: () => undefined });
    pointTo(scene.dataDir, 'view-1.db');
    const seemsToFail = jest.spyOn(SqliteView.prototype, 'commit');
    seemsToFail.mockImplementationOnce(async function (this: SqliteView, changes) {
      // It is itself again for every call but this one.
      await this.commit(changes);
      throw new StorageError('IO');
    });
    const { position } = await acknowledge(view, scene.memory, 'consent-r1', stop(2));
    await until(() => scene.errors.length > 0);
    const whereItStands = jest.spyOn(SqliteView.prototype, 'position');
    // The follower goes on from there, and the other file is found only then.
    await until(() => whereItStands.mock.calls.length > 0);
    pointTo(scene.dataDir, 'view-2.db');
    await until(() => scene.files().join() === 'view-2.db');
    await append('conversation-r2', message(5));
    await until(() => view.status().position === 'ledger.4' && view.remembered === 0);
    expect(seemsToFail).toHaveBeenCalled();
    expect(revocationsIn(await view.lookUp('acme', ['r1'], { atLeast: position }))).toBe(1);
    whereItStands.mockRestore();
    seemsToFail.mockRestore();
  });
});

describe('a cache that cannot take in what is committed', () => {
  it('is never behind the file', async () => {
    const ids = [1, 2].map((n) => Buffer.alloc(32, n).toString('base64url'));
    for (const id of ids) await append(`consent-${id}`, grant(1));
    const view = await scene.open({ cacheBytes: 8 << 20 });
    await until(() => view.status().position === 'ledger.2');
    await view.lookUp('acme', ids);
    scene.memory.held = true;
    const stopped: Appended[] = [];
    for (const id of ids) stopped.push(await acknowledge(view, scene.memory, `consent-${id}`, stop(2)));
    const noRoom = jest.spyOn(PackedTable.prototype, 'put').mockImplementationOnce(() => {
      throw new RangeError('Array buffer allocation failed');
    });
    scene.memory.held = false;
    await until(() => scene.errors.length > 0);
    await append(`conversation-${ids[0]}`, message(3));
    await until(() => view.status().position === 'ledger.5' && view.remembered === 0);
    expect(noRoom).toHaveBeenCalled();
    noRoom.mockRestore();
    for (const [index, id] of ids.entries()) {
      const { position } = stopped[index] as Appended;
      expect(revocationsIn(await view.lookUp('acme', [id], { atLeast: position }))).toBe(1);
    }
  });
});

describe('the file', () => {
  it('is taken up again where it was left', async () => {
    await append('consent-r1', grant(1));
    await (await scene.open()).close();
    await append('consent-r1', stop(2));
    expect(revocationsIn(await (await scene.open()).lookUp('acme', ['r1']))).toBe(1);
    expect(scene.files()).toStrictEqual(['view-1.db']);
  });

  it.each([
    ['of another ledger', ['FOREIGN_LEDGER'], async () => (await scene.open({}, new MemoryLedger('another'))).close()],
    [
      'past the head of a ledger that lost its end',
      ['PAST_HEAD', 'view-1.past-head'],
      async () => {
        await append('consent-r9', grant(1));
        await append('consent-r9', grant(2));
        await (await scene.open()).close();
        scene.memory.events.length = 0;
      },
    ],
    [
      'that is damaged',
      ['DAMAGED'],
      async () => {
        await (await scene.open()).close();
        writeFileSync(join(scene.dataDir, 'view-1.db'), 'x'.repeat(10_000));
      },
    ],
    [
      'that cannot be opened',
      ['UNREADABLE'],
      async () => {
        await (await scene.open()).close();
        rmSync(join(scene.dataDir, 'view-1.db'));
        mkdirSync(join(scene.dataDir, 'view-1.db'));
      },
    ],
  ])('%s is dropped and made anew', async (_what, told, leave) => {
    await leave();
    await append('consent-r1', grant(1));
    const view = await scene.open();
    expect(stateIn(await view.lookUp('acme', ['r1', 'r9']))?.grants.length).toBe(1);
    expect(stateIn(await view.lookUp('acme', ['r9']))).toBeUndefined();
    expect(currentViewFile(scene.dataDir)).toBe('view-2.db');
    expect(scene.unusable).toStrictEqual([told]);
    expect(scene.errors).toStrictEqual([]);
  });

  it('that was rebuilt is not read through again by who answers meanwhile', async () => {
    await append('consent-r1', grant(1));
    const view = await scene.open();
    await rebuildView({ store: scene.memory, dataDir: scene.dataDir, onProgress: () => undefined });
    const pragma = jest.spyOn(Database.prototype, 'pragma');
    await until(() => scene.files().join() === 'view-2.db');
    expect(pragma.mock.calls.map(([asked]) => asked)).toContain('journal_mode = WAL');
    expect(pragma.mock.calls.filter(([asked]) => asked.includes('check('))).toStrictEqual([]);
    pragma.mockRestore();
    expect(stateIn(await view.lookUp('acme', ['r1']))?.grants).toHaveLength(1);
  });

  it('has single rows written anew from the ledger when they turn out to be damaged, and harms nobody else', async () => {
    await append('business-acme', purpose('offers'));
    for (let n = 0; n < 20; n += 1) await append(`consent-r${n}`, stop(1));
    await (await scene.open()).close();
    scene.write(`UPDATE recipients SET state = '{}' WHERE recipient_id IN ('r1', 'r2', 'r3')`);
    scene.write(`UPDATE businesses SET state = 'null'`);
    await append('consent-r2', stop(2));
    const view = await scene.open();
    expect(view.catalogue.business('acme')?.state.purposes).toHaveLength(1);
    const readStream = scene.memory.readStream.bind(scene.memory);
    scene.memory.readStream = () => Promise.reject(new StorageError('CORRUPT'));
    expect(await view.lookUp('acme', ['r1'])).toMatchObject({ ok: false, reason: 'VIEW_UNAVAILABLE' });
    expect(revocationsIn(await view.lookUp('acme', ['r4']))).toBe(1);
    scene.memory.readStream = readStream;
    for (const recipientId of ['r1', 'r2']) expect(revocationsIn(await view.lookUp('acme', [recipientId]))).toBe(1);
    expect(scene.damagedRows).toBe(3);
    await view.close();
    expect(scene.write(`DELETE FROM recipients WHERE state = '{}'`)).toBe(1);
    expect(scene.files()).toStrictEqual(['view-1.db']);
  });

  it('is made anew while it answers that it cannot, when more than some rows turn out to be damaged', async () => {
    const recipientIds = Array.from({ length: 101 }, (_, n) => `r${n}`);
    for (const recipientId of recipientIds) await append(`consent-${recipientId}`, stop(1));
    await (await scene.open()).close();
    scene.write(`UPDATE recipients SET state = '{}'`);
    const view = await scene.open();
    expect(await view.lookUp('acme', recipientIds)).toMatchObject({ ok: false, reason: 'VIEW_UNAVAILABLE' });
    expect(view.status()).toMatchObject({ ready: false, problem: expect.stringContaining('DAMAGED') });
    await until(() => view.status().ready);
    expect(revocationsIn(await view.lookUp('acme', ['r1']))).toBe(1);
    await until(() => scene.files().join() === 'view-2.db');
  });

  it('is exchanged for a rebuilt one while questions and commands go on', async () => {
    const view = await scene.open();
    const rebuild = { store: scene.memory, dataDir: scene.dataDir, onProgress: () => undefined };
    let said = 0;
    for (let swap = 2; swap <= 4; swap += 1) {
      await rebuildView(rebuild);
      while (scene.files().join() !== `view-${swap}.db`) {
        const recipientId = `r${(said += 1)}`;
        const { position } = await acknowledge(view, scene.memory, `consent-${recipientId}`, stop(1));
        expect(revocationsIn(await view.lookUp('acme', [recipientId]))).toBe(1);
        if (said % 10 === 0) await view.lookUp('acme', [recipientId], { atLeast: position });
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const everybody = Array.from({ length: said }, (_, n) => `r${n + 1}`);
    const answer = await view.lookUp('acme', everybody);
    expect(everybody.map((_, index) => stateIn(answer, index)?.revocations.length)).toStrictEqual(
      everybody.map(() => 1),
    );
    expect(scene.errors).toStrictEqual([]);
  });

  it('keeps its place where the one that is offered cannot be used, and says so once', async () => {
    await append('consent-r1', grant(1));
    const view = await scene.open();
    writeFileSync(join(scene.dataDir, 'view-7.db'), 'no database'.repeat(1_000));
    writeFileSync(join(scene.dataDir, 'view.current'), 'view-7.db\n');
    await until(() => scene.errors.length > 0);
    const { position } = await append('consent-r1', stop(2));
    expect(revocationsIn(await view.lookUp('acme', ['r1'], { atLeast: position }))).toBe(1);
    expect(scene.errors).toMatchObject([{ code: 'VIEW_UNUSABLE', why: 'DAMAGED' }]);
    expect(scene.files()).toStrictEqual(['view-1.db', 'view-7.db']);
  });

  it('takes up in the end one that was made of more than was acknowledged by then', async () => {
    const view = await scene.open();
    const head = scene.memory.head.bind(scene.memory);
    const acknowledged = await head();
    scene.memory.head = () => Promise.resolve(acknowledged);
    await append('consent-r1', stop(1));
    const beside = {
      ledgerId: scene.memory.ledgerId,
      readAll: (options: ReadAllOptions) => scene.memory.readAll(options),
      head,
    } as Partial<EventStore> as EventStore;
    await rebuildView({ store: beside, dataDir: scene.dataDir, onProgress: () => undefined });
    await until(() => scene.errors.length > 0);
    const looks = jest.spyOn(SqliteView.prototype, 'close');
    await until(() => looks.mock.calls.length > 3);
    looks.mockRestore();
    expect(scene.errors).toMatchObject([{ code: 'VIEW_UNUSABLE', why: 'PAST_HEAD' }]);
    scene.memory.head = head;
    await until(() => scene.files().join() === 'view-2.db');
    expect(revocationsIn(await view.lookUp('acme', ['r1']))).toBe(1);
  });
});
