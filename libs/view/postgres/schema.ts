import type { Migrations } from '#postgres';

/**
 * Each generation of the view has tables of its own, so that one can be filled while another serves, and `views` tells
 * what each is: whose ledger and form it is of, how far it has come, and whether it is the one in use. A ledger has one
 * in use for each form, so that replicas of two versions can work side by side while they are exchanged.
 */
export const VIEW_MIGRATIONS: Migrations = {
  part: 'view',
  versions: [
    `CREATE SEQUENCE view_generations AS integer;
     CREATE TABLE views (
       generation integer PRIMARY KEY,
       ledger_id text NOT NULL,
       form text NOT NULL,
       state text NOT NULL CHECK (state IN ('filling', 'current', 'retired')),
       position text,
       moved_at timestamptz NOT NULL DEFAULT now()
     ) WITH (fillfactor = 10);
     CREATE UNIQUE INDEX views_in_use ON views (ledger_id, form) WHERE state = 'current';`,
  ],
};

/** Room in each page for the next version of its rows, so that no index has to be told of it. */
const FILL = 'WITH (fillfactor = 80)';

export function tablesOf(generation: number): string {
  return `
    CREATE TABLE recipients_${generation} (
      recipient_id text COLLATE "C" PRIMARY KEY, business_id text NOT NULL, state text NOT NULL
    ) ${FILL};
    CREATE TABLE businesses_${generation} (
      business_id text COLLATE "C" PRIMARY KEY, revision text NOT NULL, state text NOT NULL
    )`;
}

export function dropTablesOf(generation: number): string {
  return `DROP TABLE IF EXISTS recipients_${generation}, businesses_${generation}`;
}
