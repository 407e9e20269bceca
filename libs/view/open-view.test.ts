import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { rebuildView } from './rebuild.js';
import { grant } from './sample-events.js';
import { SqliteView } from './sqlite-view.js';
import { openViewDatabase, positionIn } from './view-database.js';
import { currentViewFile } from './view-files.js';
import { until, ViewScene } from './view-scene.js';

let scene: ViewScene;
beforeEach(() => {
  scene = new ViewScene();
});
afterEach(async () => {
  await scene.close();
  scene.remove();
});

const NOBODY = 65_534;

/** Root reads everything, so what it tests here it tests as somebody else, whose the directory and the file then are. */
async function asNobody(directory: string, file: string, work: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return work();
  for (const path of [directory, file]) chownSync(path, NOBODY, NOBODY);
  process.seteuid?.(NOBODY);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('the file in use at the start', () => {
  it.each([
    ['SQLITE_IOERR_READ', 'a page that the disk does not give'],
    ['SQLITE_BUSY', 'a lock that somebody keeps'],
  ])('is made anew where it cannot be read, whatever hinders it: %s, %s', async (code) => {
    await (await scene.open()).close();
    const failing = Object.assign(new Error('it cannot be read'), { code });
    const reading = jest.spyOn(SqliteView.prototype, 'position').mockRejectedValueOnce(failing);
    await scene.open();
    reading.mockRestore();
    expect(scene.unusable).toStrictEqual([['UNREADABLE']]);
    expect(scene.files()).toStrictEqual(['view-2.db']);
  });

  it.each(['SQLITE_FULL', 'ENOSPC', 'SQLITE_IOERR_WRITE'])(
    'is left as it is where there is no room: %s',
    async (code) => {
      await (await scene.open()).close();
      const failing = Object.assign(new Error('no room'), { code });
      const reading = jest.spyOn(SqliteView.prototype, 'position').mockRejectedValueOnce(failing);
      await expect(scene.open()).rejects.toThrow('no room');
      reading.mockRestore();
      expect(scene.files()).toStrictEqual(['view-1.db']);
    },
  );

  it('whose pointer cannot be read is made anew under another name', async () => {
    await (await scene.open()).close();
    const pointer = join(scene.dataDir, 'view.current');
    chmodSync(pointer, 0);
    await asNobody(scene.dataDir, pointer, async () => (await scene.open()).close());
    expect(scene.unusable).toStrictEqual([['UNREADABLE']]);
    expect(currentViewFile(scene.dataDir)).toBe('view-2.db');
    expect(scene.files()).toStrictEqual(['view-2.db']);
  });

  it('that the ledger ends before is kept also where a rebuild took its place, and of many the newest two', async () => {
    const kept = () => readdirSync(scene.dataDir).filter((name) => name.includes('past-head'));
    for (let loss = 1; loss <= 3; loss += 1) {
      for (let n = 0; n < 2; n += 1) await scene.memory.append('consent-r9', [grant(n)]);
      const view = await scene.open();
      const head = await scene.memory.head();
      await until(() => view.status().position === head);
      await view.close();
      scene.memory.events.length -= 1;
      await rebuildView({ store: scene.memory, dataDir: scene.dataDir, onProgress: () => undefined });
      await (await scene.open()).close();
      expect(scene.unusable.at(-1)).toStrictEqual(['PAST_HEAD', `view-${loss}.past-head`]);
      expect(scene.files()).toStrictEqual([`view-${loss + 1}.db`]);
    }
    expect(kept()).toStrictEqual(['view-2.past-head', 'view-3.past-head']);
    const rows = openViewDatabase(join(scene.dataDir, 'view-3.past-head'), scene.memory.ledgerId);
    expect(positionIn(rows)).toBe('ledger.4');
    rows.close();
  });
});
