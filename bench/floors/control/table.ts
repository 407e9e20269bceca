/** The control's table, filled from the stories of the same people. */
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { BUSINESS, TOPIC, isEligible, phoneOf, storyOf } from '../../seed/people.js';

export interface ControlRow {
  readonly agreed: boolean;
  readonly changed_at: Date;
}

export const FIND = {
  name: 'find',
  text: 'SELECT agreed, changed_at FROM control.consents WHERE business = $1 AND phone = $2 AND channel = $3 AND purpose = $4',
};

const TABLE = `
  CREATE TABLE control.consents (
    business text NOT NULL, phone text NOT NULL, channel text NOT NULL, purpose text NOT NULL,
    agreed boolean NOT NULL, changed_at timestamptz NOT NULL,
    PRIMARY KEY (business, phone, channel, purpose)
  )`;

/** Makes the table and copies in the last word of each of so many people. */
export async function fillControl(url: string, people: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('CREATE SCHEMA control');
    await client.query(TABLE);
    const target = client.query(copyFrom('COPY control.consents FROM STDIN'));
    await pipeline(Readable.from(lines(people)), target);
    await client.query('VACUUM (ANALYZE) control.consents');
  } finally {
    await client.end();
  }
}

function* lines(people: number): Generator<string> {
  const now = new Date().toISOString();
  for (let n = 0; n < people; n++) {
    const story = storyOf(n);
    if (story.every((act) => act === 'message')) continue;
    const agreed = isEligible(story) ? 't' : 'f';
    yield `${BUSINESS}\t${phoneOf(n)}\t${TOPIC.channel}\t${TOPIC.purpose}\t${agreed}\t${now}\n`;
  }
}
