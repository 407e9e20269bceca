import { execFileSync, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  CATALOGUE_TYPE,
  CHANGE_TYPES,
  encode,
  headersSchema,
  isUnderstood,
  readCatalogueRecord,
  readChangeRecord,
  readStateRecord,
  readWatermarkRecord,
  SCHEMAS,
  STATE_TYPE,
  TOPICS,
  WATERMARK_TYPE,
  type JsonSchema,
  type RecordName,
} from '#contracts';
import { readAddress, RecipientIds, recipientKey } from '#vault';
import { faultsInOwn } from '../libs/contracts/contract.js';

/** What `docs/kafka.md` tells those who read the topics in another language is true of the records. */
const PAGE = readFileSync(new URL('../docs/kafka.md', import.meta.url), 'utf8');

const blocks = (info: string) =>
  [...PAGE.matchAll(new RegExp(`^\`\`\`${info}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, text]) => text as string);

const READERS = {
  change: readChangeRecord,
  state: readStateRecord,
  catalogue: readCatalogueRecord,
  watermark: readWatermarkRecord,
} satisfies Record<RecordName, (bytes: Uint8Array) => object>;

const RECORDS = Object.keys(READERS) as RecordName[];

describe.each(RECORDS)('the examples of a %s record', (record) => {
  const examples = blocks(`json ${record}`).map((text) => JSON.parse(text) as object);

  it('are valid to the schema, hold no member that it does not know, and are understood', () => {
    expect(examples.length).toBeGreaterThan(0);
    expect(examples.flatMap((example) => faultsInOwn(record, example))).toEqual([]);
    for (const example of examples) expect(isUnderstood(READERS[record](encode(example)))).toBe(true);
  });

  it('stand on a page that names every member and every word of the schema', () => {
    const unnamed = [...namesIn(SCHEMAS[record])].filter((name) => !PAGE.includes(`\`${name}\``) && !isShown(name));
    expect(unnamed).toEqual([]);
  });
});

it('every example is of a record', () => {
  expect(blocks('json .*').length).toBe(RECORDS.flatMap((record) => blocks(`json ${record}`)).length);
});

/** The names of all members, and the words of all closed lists. */
function* namesIn(schema: JsonSchema): Generator<string> {
  yield* (schema.enum as string[] | undefined) ?? [];
  for (const [name, member] of Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>)) {
    yield name;
    yield* namesIn(member);
  }
  for (const part of (schema.anyOf ?? []) as JsonSchema[]) yield* namesIn(part);
  if (schema.items !== undefined) yield* namesIn(schema.items as JsonSchema);
}

/** Of members that say of themselves what they are, the example is enough. */
function isShown(name: string): boolean {
  return PAGE.includes(`"${name}"`);
}

describe('the page', () => {
  it('names every topic with its key and clean-up', () => {
    for (const { topic, settings } of Object.values(TOPICS)) {
      expect(PAGE).toMatch(new RegExp(`^\\| \`${topic}\` \\| .+ \\| ${settings['cleanup.policy']}`, 'm'));
    }
  });

  it('names every header and every type', () => {
    const headers = RECORDS.flatMap((record) => headersSchema(record).required as string[]);
    const types = [...Object.values(CHANGE_TYPES), STATE_TYPE, CATALOGUE_TYPE, WATERMARK_TYPE];
    for (const name of [...headers, ...types]) expect(PAGE).toContain(`\`${name}\``);
  });

  it('says how soon what a state said before is gone', () => {
    const { 'segment.ms': segment, 'max.compaction.lag.ms': lag } = TOPICS.state.settings;
    expect(PAGE).toContain(`within ${(Number(segment) + Number(lag)) / 3_600_000} hours`);
  });
});

const KEY = Buffer.from(/`Kb` = `([0-9a-f]{64})`/.exec(PAGE)?.[1] ?? '', 'hex');
const FIELDS = { phone: 'phone', email: 'email', whatsapp_user_id: 'whatsappUserId' } as const;
type Kind = keyof typeof FIELDS;

const VECTORS = [...PAGE.matchAll(/^\| `(\w+)` \| `(.+?)` \| `(.+?)` \| `([\w-]{43})` \|$/gm)].map(
  ([, kind, address, keyForm, id]) => ({ kind: kind as Kind, address, keyForm, id }) as Vector,
);
interface Vector {
  readonly kind: Kind;
  readonly address: string;
  readonly keyForm: string;
  readonly id: string;
}

/** Where there is no Python the vectors are still compared with the service's own ids; only the page's code is not run. */
const hasPython = spawnSync('python3', ['--version']).status === 0;
const whereIsPython = hasPython ? it : it.skip;
if (!hasPython) process.stdout.write('docs/kafka.md: what it does with python3 is not run, for want of python3\n');

describe('recipient ids', () => {
  it.each(VECTORS)('of a $kind are as the page says: $address', ({ kind, address, keyForm, id }) => {
    expect(readAddress({ [FIELDS[kind]]: address })).toMatchObject({ kind, keyForm });
    expect(createHmac('sha256', KEY).update(`${kind}:${keyForm}`).digest('base64url')).toBe(id);
  });

  it('are shown for each kind of address', () => {
    expect(new Set(VECTORS.map(({ kind }) => kind))).toEqual(new Set(Object.keys(FIELDS)));
    expect(KEY.length).toBe(32);
  });

  whereIsPython("are computed by the page's Python as by the service (needs python3)", () => {
    const pepper = Buffer.alloc(32, 7);
    const ids = new RecipientIds(pepper);
    const served = VECTORS.map(({ kind, keyForm }) => ids.recipientId('acme', kind, keyForm));
    expect(computedByPython(KEY)).toEqual(VECTORS.map(({ id }) => id));
    expect(computedByPython(recipientKey(pepper, 'acme'))).toEqual(served);
  });
});

function computedByPython(key: Buffer): unknown {
  const run = 'import json, sys\nasked = json.load(sys.stdin)\n';
  const print = 'print(json.dumps([recipient_id(bytes.fromhex(asked["key"]), *one) for one in asked["addresses"]]))\n';
  const addresses = VECTORS.map(({ kind, address }) => [kind, address]);
  const input = JSON.stringify({ key: key.toString('hex'), addresses });
  const program = `${blocks('python').join('\n')}\n${run}${print}`;
  return JSON.parse(execFileSync('python3', ['-c', program], { input, encoding: 'utf8' }));
}
