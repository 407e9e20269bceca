import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreUnavailable } from '../port.js';
import { giveNewLedgerId, holdsLedger } from './keeping.js';
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

describe('whether a directory holds a ledger', () => {
  it('is said where that can be seen, and refused where it cannot', () => {
    expect([holdsLedger(dataDir), holdsLedger(elsewhere), holdsLedger(join(elsewhere, 'none'))]).toEqual([
      true,
      false,
      false,
    ]);
    // The way to it never ends, which no user may pass: not even the one who may look everywhere.
    symlinkSync('round', join(elsewhere, 'round'));
    expect(() => holdsLedger(join(elsewhere, 'round'))).toThrow(StoreUnavailable);
    expect(() => holdsLedger(join(elsewhere, 'round'))).toThrow(
      /round cannot be looked into: check its path, its owner/,
    );
  });
});

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
