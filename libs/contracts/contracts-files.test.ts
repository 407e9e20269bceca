import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Parser } from '@asyncapi/parser';
import { asyncApiDocument } from './asyncapi.js';
import { SCHEMAS } from './schemas.js';
import { TOPICS } from './topics.js';

const FILES: readonly (readonly [string, object])[] = [
  ...Object.entries(SCHEMAS).map(([name, schema]) => [`schemas/${name}.schema.json`, schema] as const),
  ['asyncapi.json', asyncApiDocument()],
];

/** UPDATE_DOCS=1 writes the files; `npm run format` then lays them out. */
describe('the files for other languages', () => {
  it.each(FILES)('%s says what the code says', (path, made) => {
    const file = new URL(path, import.meta.url);
    if (process.env.UPDATE_DOCS === '1') writeFileSync(file, JSON.stringify(made, null, 2));
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(made)));
  });
});

describe('a JSON Schema', () => {
  it.each(Object.entries(SCHEMAS))(
    'of a %s has no keyword that its dialect has given up, though Ajv takes it',
    (_, schema) => {
      expect(JSON.stringify(schema)).not.toMatch(/"(dependencies|definitions|additionalItems)":/);
    },
  );
});

describe('asyncapi.json', () => {
  const text = () => readFileSync(new URL('asyncapi.json', import.meta.url), 'utf8');

  it('is valid AsyncAPI 3 to the parser of AsyncAPI', async () => {
    const { document, diagnostics } = await new Parser().parse(text());
    const faults = diagnostics.filter(({ severity }) => Number(severity) <= WARNING);
    expect(faults.map(({ path, message }) => `${path.join('.')}: ${message}`)).toEqual([]);
    expect(
      document
        ?.allChannels()
        .all()
        .map((channel) => channel.address())
        .sort(),
    ).toEqual(
      Object.values(TOPICS)
        .map(({ topic }) => topic)
        .sort(),
    );
  });

  it('is refused by the parser where a channel is broken', async () => {
    const broken = text().replaceAll('#/components/messages/optouts', '#/components/messages/nothing');
    const { document } = await new Parser().parse(broken);
    expect(document).toBeUndefined();
  });
});

/** The parser's own numbers: 0 is an error, 1 a warning; above are hints of style. */
const WARNING = 1;
