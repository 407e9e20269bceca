import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import type { StoredEvent } from '#event-store';
import { UsageError } from '../../apps/audit/failures.js';
import { replay } from '../../apps/audit/replay.js';
import { appendBytes, recipientIdsOf } from '../promises/support/service.js';
import { deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, headOf } from '../http/support/acme.js';
import { audit, linesOf, startAudit, textOf, type Ran } from './support.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const MINUTE = 60_000;
const [ANNA, BRUNO] = ['+393337000001', '+393337000002'] as const;

interface Line {
  readonly position: string;
  readonly stream: string;
  readonly type: string;
  readonly recordedAt?: string;
  readonly occurredAt?: string;
  readonly unreadable?: true;
  readonly data?: unknown;
  readonly dataBase64?: string;
  readonly metadata?: unknown;
}

describe('audit replay', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let annaId: string;
  let stored: readonly StoredEvent[];
  let out: string;

  beforeAll(async () => {
    service = await startTestService({ clock });
    out = mkdtempSync(join(tmpdir(), 'consent-ledger-audit-'));
    await registerAcme(service);
    const acme = businessOf(service);
    await must(
      acme.grant(grantBody(ANNA, { evidence: { signer: 'Maria Rossi' }, occurredAt: '2026-03-01T10:00:00Z' })),
    );
    clock.setTo(NOON + MINUTE);
    await must(acme.grant(grantBody(BRUNO)));
    await must(deliver(service, deliveryOf({ from: ANNA.slice(1), id: 'wamid.r1', text: 'STOP', at: clock.now() })));
    clock.setTo(NOON + 2 * MINUTE);
    await must(acme.revoke({ recipient: { phone: BRUNO }, method: 'phone_call', reason: '=SUM(A1)' }));
    annaId = (await recipientIdsOf(service, [{ phone: ANNA }]))[0] ?? '';
    await appendBytes(
      service,
      `consent-${annaId}`,
      'ConsentPaused',
      '{"note":"\\u001b[2J, \\"quoted\\"",\n  "n": 1.0}',
    );
    await appendBytes(service, 'misc-1', '=Odd"Type', '\u0000not JSON');
    stored = (await service.running.parts.store.readAll({ limit: 1_000 })).events;
  });
  afterAll(async () => {
    await service.stop();
    rmSync(out, { recursive: true, force: true });
  });

  const run = async (...args: readonly string[]): Promise<Ran> => audit(['replay', '--data', service.dataDir, ...args]);
  const replayed = async (...args: readonly string[]): Promise<readonly Line[]> => {
    const ran = await run(...args);
    expect(ran).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^\d+ events?[^\n]*, of the ledger up to \S+\n$/),
    });
    return linesOf<Line>(ran.stdout);
  };
  const positionsOf = (events: readonly { readonly position: string }[]) => events.map(({ position }) => position);

  it('writes out every event whole, in the order of the ledger, beside the running service', async () => {
    const ran = await run();
    expect(ran.code).toBe(0);
    const lines = ran.stdout.split('\n').slice(0, -1);
    expect(lines).toHaveLength(stored.length);
    stored.forEach(({ data, metadata, position, stream, revision, id, type }, index) => {
      const line = JSON.parse(lines[index] ?? '') as Line;
      expect(line).toMatchObject({ position, stream, revision, eventId: id, type });
      const text = Buffer.from(data).toString();
      if (line.dataBase64 === undefined) expect(lines[index]).toContain(`"data":${text.replaceAll('\n', ' ')}`);
      else expect(Buffer.from(line.dataBase64, 'base64').equals(data)).toBe(true);
      expect(line.metadata).toEqual(JSON.parse(Buffer.from(metadata).toString()));
    });
    expect(ran.stderr).toBe(
      `${stored.length} events, 2 of them unreadable, of the ledger up to ${await headOf(service)}\n`,
    );
  });

  it('shows what cannot be read as such', async () => {
    const unreadable = (await replayed()).filter((line) => line.unreadable);
    expect(unreadable.map(({ type, dataBase64 }) => [type, dataBase64 !== undefined])).toEqual([
      ['ConsentPaused', false],
      ['=Odd"Type', true],
    ]);
    const { stdout } = await run('--format', 'table');
    expect(stdout.match(/UNREADABLE/g)).toHaveLength(2);
  });

  it('takes streams, a recipient by id, and types', async () => {
    const of = (wanted: (event: StoredEvent) => boolean) => positionsOf(stored.filter(wanted));
    expect(positionsOf(await replayed('--stream', 'business-acme'))).toEqual(
      of(({ stream }) => stream === 'business-acme'),
    );
    const isAnnas = ({ stream }: StoredEvent) => stream.endsWith(annaId);
    const annas = await replayed('--recipient', annaId);
    expect(positionsOf(annas)).toEqual(of(isAnnas));
    expect(new Set(annas.map(({ stream }) => stream)).size).toBe(2);
    const types = ['ConsentGranted', 'UserMessaged'];
    expect(positionsOf(await replayed('--type', 'ConsentGranted', '--type=UserMessaged'))).toEqual(
      of(({ type }) => types.includes(type)),
    );
    expect(positionsOf(await replayed('--recipient', annaId, '--type', 'ConsentGranted'))).toEqual(
      of((event) => isAnnas(event) && event.type === 'ConsentGranted'),
    );
    expect(await replayed('--stream', 'business-nobody')).toEqual([]);
  });

  it('takes a span of time by what the ledger heard, or by when the person acted; what has no time is shown', async () => {
    const undated = stored
      .filter(({ type }) => type === 'ConsentPaused' || type === '=Odd"Type')
      .map(({ position }) => position);
    const all = await replayed();
    const recorded = await replayed('--since', '2026-05-04T12:01:00Z', '--until', '2026-05-04T14:02:00+02:00');
    expect(positionsOf(recorded)).toEqual(
      positionsOf(
        all.filter(
          ({ position, recordedAt }) => recordedAt === '2026-05-04T12:01:00.000Z' || undated.includes(position),
        ),
      ),
    );
    const occurred = await replayed('--occurred-until', '2026-03-02', '--occurred-since', '2026-03-01');
    expect(occurred.map(({ type, occurredAt }) => [type, occurredAt])).toEqual([
      ['ConsentGranted', '2026-03-01T10:00:00.000Z'],
      ['ConsentPaused', undefined],
      ['=Odd"Type', undefined],
    ]);
  });

  it('goes on behind a position', async () => {
    const { position } = stored[5] as StoredEvent;
    expect(positionsOf(await replayed('--after', position))).toEqual(positionsOf(stored.slice(6)));
    const behind = stored.slice(6).filter(({ stream }) => stream === 'business-acme');
    expect(positionsOf(await replayed(`--after=${position}`, '--stream=business-acme'))).toEqual(positionsOf(behind));
    expect(await replayed(`--after=${await headOf(service)}`)).toEqual([]);
  });

  it('as CSV holds one record for each event, sealed parts named and left out, and no formula', async () => {
    const records = recordsOf((await run('--format', 'csv')).stdout);
    const [header, ...rows] = records;
    expect(rows).toHaveLength(stored.length);
    const column = (name: string) => header?.indexOf(name) ?? -1;
    expect(rows.map((row) => row[column('eventId')])).toEqual(stored.map(({ id }) => id));
    expect(rows.map((row) => row[column('type')]?.replace(/^'/, ''))).toEqual(stored.map(({ type }) => type));
    expect(rows.flat().filter((cell) => /^[=+\-@]/.test(cell))).toEqual([]);
    const grant = rows.find((row) => row[column('type')] === 'ConsentGranted');
    expect(grant?.[column('sealed')]).toBe('sealed');
    expect(JSON.parse(grant?.[column('data')] ?? '')).toMatchObject({ purposes: ['offers'], sealed: 'sealed' });
    const odd = rows.at(-1)?.[column('data')] ?? '';
    expect(Buffer.from(odd.replace('base64:', ''), 'base64').toString()).toBe('\u0000not JSON');
  });

  it('as a table is one line for each event, and nothing in it steers the terminal', async () => {
    const { stdout } = await run('--format=table');
    const lines = stdout.split('\n').slice(0, -1);
    expect(lines).toHaveLength(stored.length + 1);
    expect(stdout).not.toMatch(/[^\P{Cc}\n]/u);
    expect(lines.find((line) => line.includes('ConsentGranted'))).toMatch(
      /offers on whatsapp by web_form, having seen web version 1 \[sealed\]$/,
    );
  });

  it('into a file appears when it is whole, for its owner alone, in place of what was there', async () => {
    const file = join(out, 'replay.ndjson');
    writeFileSync(file, 'of yesterday');
    const ran = await run('--out', file);
    expect([ran.code, ran.stdout]).toEqual([0, '']);
    expect(linesOf(readFileSync(file, 'utf8'))).toHaveLength(stored.length);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(out)).toEqual(['replay.ndjson']);
    const into = await run('--out', join(out, 'nowhere', 'x'));
    expect([into.code, into.stderr]).toEqual([1, 'audit: the file of --out cannot be written (ENOENT)\n']);
    expect((await run('--out', '/dev/null')).code).toBe(0);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it('finds the recipient of an address from standard input, which is shown nowhere', async () => {
    const args = ['replay', '--data', service.dataDir, '--address', '--business', 'acme'];
    const ran = await audit(args, { input: '\n 333 700 0001 \n' });
    expect(ran.code).toBe(0);
    expect(positionsOf(linesOf<Line>(ran.stdout))).toEqual(
      positionsOf(stored.filter(({ stream }) => stream.endsWith(annaId))),
    );
    expect(ran.stdout + ran.stderr).not.toMatch(/333\s?700/);
  });

  it('ends when it is told to, also while nobody gives the address', async () => {
    const { child, ended } = startAudit(['replay', '--data', service.dataDir, '--address', '--business', 'acme']);
    const said = textOf(child.stderr);
    // More empty lines than a pipe holds: they are gone only once the tool reads.
    await new Promise((resolve) => child.stdin.write('\n'.repeat(1_000_000), resolve));
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 143, signal: null });
    expect(await said).toContain('interrupted');
  });

  it('never writes into the ledger, and leaves nothing of its own beside it', async () => {
    const before = [await headOf(service), ...readdirSync(service.dataDir)];
    await replayed();
    expect([await headOf(service), ...readdirSync(service.dataDir)]).toEqual(before);
  });

  it('takes the ledger of DATA_DIR too', async () => {
    const ran = await audit(['replay'], { env: { DATA_DIR: service.dataDir } });
    expect(linesOf(ran.stdout)).toHaveLength(stored.length);
  });

  it.each([
    [['--type'], '--type needs a value'],
    [['--format', 'xml'], '--format is one of table, ndjson, csv'],
    [['--since', 'yesterday'], '--since needs a time with its offset'],
    [['--until', '2026-05-04T12:00:00'], '--until needs a time with its offset'],
    [['--since=2026-05-05', '--until=2026-05-04'], '--until is not later than --since'],
    [['--after', 'abc'], '--after needs a position'],
    [['--after', 'other-ledger-id.7'], '--after is a position of another ledger'],
    [['--recipient', 'anna'], '--recipient needs the 43 characters of a recipient id'],
    [['--from', 'other-ledger-id.7'], '--data and --from name two ledgers'],
    [['--address'], '--business is missing'],
    [['--business', 'acme'], '--business goes with --address only'],
    [['--stream', 'a', '--stray', 'b'], 'the option --stray is not known'],
    [['--address', '--business', 'nobody'], '--business: the ledger knows no such business'],
  ])('%j is refused with the remedy', async (args, remedy) => {
    const refused = replay(['--data', service.dataDir, ...args], new AbortController().signal);
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(remedy);
  });

  it('refuses with exit code 2, and an address among the arguments without saying it again', async () => {
    for (const arg of ['--recipient=maria.rossi@example.com', '--maria.rossi']) {
      const ran = await run(arg);
      expect([ran.code, ran.stdout]).toEqual([2, '']);
      expect(ran.stderr).toMatch(/^audit: an .*(standard input|--help)/);
      expect(ran.stderr).not.toContain('maria');
    }
  });

  it('says where no ledger is, and makes none', async () => {
    const nowhere = join(out, 'no-data');
    const ran = await audit(['replay', '--data', nowhere]);
    expect([ran.code, ran.stdout]).toEqual([1, '']);
    expect(ran.stderr).toContain('name its directory with --data or DATA_DIR');
    expect(existsSync(nowhere)).toBe(false);
  });

  it('tells how it is used', async () => {
    const [overview, help, none] = [await audit(['--help']), await audit(['replay', '--help']), await audit([])];
    expect([overview.code, help.code, none.code]).toEqual([0, 0, 2]);
    expect(overview.stdout).toContain('replay');
    for (const option of ['--stream', '--occurred-since', '--out', '--format']) expect(help.stdout).toContain(option);
    expect(none.stderr).toContain('Usage');
  });
});

/** Reads CSV as RFC 4180 has it. */
function recordsOf(text: string): readonly (readonly string[])[] {
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  const records: string[][] = [[]];
  while (field.lastIndex < text.length) {
    const [, quoted, plain = '', end] = field.exec(text) ?? [];
    if (end === undefined) throw new Error('no CSV of RFC 4180');
    records.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === '\r\n') records.push([]);
  }
  return records.slice(0, -1);
}
