import { readFileSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { EMPTY_STATE, EVENT_SCHEMA, judge, type BusinessEvent, type ConsentEvent, type Question } from '#consent';
import { NEWEST_SCHEMA, startLedger, type NewEvent } from '#event-store';
import { stateFromLedger } from './ledger-state.js';
import { MemoryLedger } from './memory-ledger.js';
import type { BusinessRow } from './port.js';
import { projectBusiness } from './project.js';

/**
 * Events of each type as a version once wrote them, and what was decided by them then. These files are never changed:
 * whatever a later version makes of older events must decide the same.
 */
const VERSIONS = new URL('golden/', import.meta.url);

interface Golden {
  readonly events: readonly {
    readonly stream: string;
    readonly revision: string;
    readonly id: string;
    readonly type: string;
    readonly data: unknown;
    readonly metadata: unknown;
  }[];
  readonly decisions?: readonly {
    readonly recipientId: string;
    readonly question: Question;
    readonly verdict: { readonly basis?: string };
  }[];
  /** What the register says after the events. */
  readonly register?: unknown;
}

/** A type that is added to the rules must be added here, and then has no golden file yet. */
const TYPES = {
  ConsentGranted: 1,
  ConsentRevoked: 1,
  PreferenceResumed: 1,
  RecipientLinked: 1,
  RecipientUnlinked: 1,
  RecipientErased: 1,
  UserMessaged: 1,
  BusinessRegistered: 1,
  PolicySet: 1,
  PurposeRegistered: 1,
  PurposeRetired: 1,
  DisclosurePublished: 1,
  DisclosureRetired: 1,
  SenderRegistered: 1,
  SenderRetired: 1,
  LedgerStarted: 1,
} satisfies Record<Exclude<ConsentEvent['type'], 'Unreadable'> | BusinessEvent['type'] | 'LedgerStarted', number>;

const filesOf = (version: number) => readdirSync(new URL(`v${version}/`, VERSIONS)).sort();

function golden(version: number, file: string): Golden {
  return JSON.parse(readFileSync(new URL(`v${version}/${file}`, VERSIONS), 'utf8')) as Golden;
}

async function ledgerWith({ events }: Golden): Promise<MemoryLedger> {
  const ledger = new MemoryLedger('golden');
  for (const { stream, revision, data, metadata, ...event } of events) {
    const bytes = { data: Buffer.from(JSON.stringify(data)), metadata: Buffer.from(JSON.stringify(metadata)) };
    const written: NewEvent = { ...event, ...bytes };
    expect((await ledger.append(stream, [written])).revision).toBe(revision);
  }
  return ledger;
}

const all = Array.from({ length: NEWEST_SCHEMA }, (_, index) => index + 1).flatMap((version) =>
  filesOf(version).map((file) => ({ version, file, type: basename(file, '.json') })),
);

describe('golden events', () => {
  it('are there for each type since the version that brought it', () => {
    const wanted = Object.entries(TYPES).flatMap(([type, since]) => (since === 1 ? [`${type}.json`] : []));
    expect(filesOf(1)).toEqual(wanted.sort());
    expect(NEWEST_SCHEMA).toBe(EVENT_SCHEMA);
  });

  it.each(all)('of version $version decide as they did then: $type', async ({ version, file, type }) => {
    const story = golden(version, file);
    expect(story.events.map((event) => event.type)).toContain(type);
    const ledger = await ledgerWith(story);
    for (const { recipientId, question, verdict } of story.decisions ?? []) {
      const { state } = await stateFromLedger(ledger, 'acme', recipientId);
      const { basis, ...decided } = judge(state ?? EMPTY_STATE, question);
      const told = basis === undefined ? decided : { ...decided, basis: basis.eventId };
      expect([question, told]).toEqual([question, verdict]);
    }
    if (story.register !== undefined) expect(registerOf(ledger)).toEqual(story.register);
    expect(story.decisions ?? story.register ?? (await startedBy(ledger))).toBeDefined();
  });
});

function registerOf(ledger: MemoryLedger): unknown {
  let row: BusinessRow | undefined;
  for (const event of ledger.events) {
    row = projectBusiness(row, 'acme', event, ({ storedType }) => {
      throw new Error(`${storedType} cannot be read any more`);
    });
  }
  return row?.state;
}

/** The secrets of then still open the ledger of then, and nothing is written over it. */
async function startedBy(ledger: MemoryLedger): Promise<string> {
  const fingerprints = {
    PEPPER: '4aRPwA9O2sk-VYAypGWblg',
    KEY_ENCRYPTION_KEY: '2zrmoOFXQrxSriJgCri-JQ',
    vault: 'fSZFBFb5wjxJSogVLDZKfw',
  };
  const { ledgerId } = await startLedger(ledger, { fingerprints, now: new Date() });
  expect(ledger.events).toHaveLength(1);
  return ledgerId;
}
