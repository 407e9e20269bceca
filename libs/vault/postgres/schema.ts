import type { Migrations } from '#postgres';

/**
 * `identity` has one row. A destroyed key leaves an empty row in `data_keys`: the next key of the same recipient must be
 * known not to be the one that older parts were sealed under. `erasures` has one row for each event for which a key was,
 * or is to be, destroyed.
 */
export const VAULT_MIGRATIONS: Migrations = {
  part: 'vault',
  versions: [
    `CREATE TABLE identity (
       one boolean PRIMARY KEY DEFAULT true CHECK (one), vault_id text NOT NULL, sealed_check bytea NOT NULL
     );
     CREATE TABLE data_keys (
       recipient_id text COLLATE "C" PRIMARY KEY, wrapped bytea NOT NULL, life integer NOT NULL
     );
     CREATE TABLE erasures (
       event_id text COLLATE "C" PRIMARY KEY, recipient_id text NOT NULL, life integer NOT NULL, done boolean NOT NULL,
       announced_at timestamptz NOT NULL DEFAULT now()
     );
     CREATE INDEX erasures_announced ON erasures (event_id) WHERE NOT done;
     CREATE TABLE api_keys (
       key_id text COLLATE "C" PRIMARY KEY, business_id text COLLATE "C", name text NOT NULL, scopes text NOT NULL,
       secret_sha256 text NOT NULL, created_at text COLLATE "C" NOT NULL
     );
     CREATE INDEX api_keys_of_business ON api_keys (business_id, created_at, key_id);
     CREATE TABLE unrouted (
       id text COLLATE "C" PRIMARY KEY, provider text COLLATE "C" NOT NULL, reason text NOT NULL, kind text NOT NULL,
       provider_id text COLLATE "C", received_at text COLLATE "C" NOT NULL, body bytea NOT NULL
     );
     CREATE INDEX unrouted_of_sender ON unrouted (provider, provider_id, received_at, id);
     CREATE INDEX unrouted_by_time ON unrouted (received_at);`,
    // Set once the key is destroyed, before its row is out of its page: nothing younger is to be destroyed in its place.
    `ALTER TABLE erasures ADD COLUMN destroyed boolean NOT NULL DEFAULT false;`,
  ],
};
