import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { giveNewLedgerId } from './keeping.js';
import { ledgerFile, openLedger, readLedgerId } from './schema.js';

let dataDir: string;
let elsewhere: string;
beforeEach(() => {
  [dataDir, elsewhere] = [mkdtempSync(join(tmpdir(), 'keeping-')), mkdtempSync(join(tmpdir(), 'keeping-'))];
  openLedger(dataDir, { readOnly: false }).close();
});
afterEach(() => [dataDir, elsewhere].forEach((one) => rmSync(one, { recursive: true })));

function idIn(directory: string): string {
  const db = openLedger(directory, { readOnly: true });
  try {
    return readLedgerId(db);
  } finally {
    db.close();
  }
}

describe('a new ledger id', () => {
  it('stands in the database itself, also where its log stays there because somebody has the file open', () => {
    const before = idIn(dataDir);
    const reader = openLedger(dataDir, { readOnly: true });
    try {
      giveNewLedgerId(dataDir);
      copyFileSync(ledgerFile(dataDir), ledgerFile(elsewhere));
    } finally {
      reader.close();
    }
    expect(idIn(elsewhere)).not.toBe(before);
    expect(idIn(elsewhere)).toBe(idIn(dataDir));
  });
});
