import { describe, expect, it } from '@jest/globals';
import { ConfigError, isLoopback, readConfig } from './config.js';

const KEY = Buffer.alloc(32, 7).toString('base64');

function faultsOf(env: Record<string, string>, readFile?: (path: string) => string): readonly string[] {
  try {
    readConfig(env, readFile);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

function missing(): string {
  throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
}

describe('readConfig', () => {
  it('starts on the embedded default without any variable', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      http: { host: '127.0.0.1', port: 3000 },
      grpc: { port: 50_051 },
      metrics: { host: '127.0.0.1', port: 9464 },
      dataDir: './data',
      secrets: {},
      whatsapp: {},
      view: { maxLagMs: 5000, waitForPositionMs: 1000 },
      limits: { batchMax: 1000, webhookBytes: 3 * 1024 * 1024, timelinePageMax: 500, appendRetries: 8 },
      logLevel: 'info',
      warnings: [],
    });
    expect(Object.isFrozen(config) && Object.isFrozen(config.limits)).toBe(true);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(readConfig({ PORT: '', PEPPER: '', PEPPER_FILE: '' })).toEqual(readConfig({}));
  });

  it('reads a value from the file that NAME_FILE names, without the line end', () => {
    const config = readConfig({ PEPPER_FILE: '/run/secrets/pepper' }, (path) =>
      path === '/run/secrets/pepper' ? `${KEY}\n` : missing(),
    );
    expect(config.secrets.pepper).toBe(KEY);
  });

  it('refuses a file that holds nothing: a secret that is missing is not one that is empty', () => {
    const env = { WHATSAPP_APP_SECRET_FILE: '/run/secrets/app', KAFKA_SASL_PASSWORD_FILE: '/run/secrets/kafka' };
    const faults = faultsOf(env, () => '\n');
    for (const name of Object.keys(env)) {
      expect(faults).toContain(`${name} names a file that is empty: write the value into it, or unset the name`);
    }
  });

  it('names everything that is wrong at once, each with a remedy', () => {
    const faults = faultsOf(
      {
        PORT: 'http',
        PEPPER: 'c2hvcnQ=',
        LOG_LEVEL: 'loud',
        ADMIN_KEY: 'short',
        ADMIN_KEY_FILE: '/x',
        TLS_CERT_FILE: '/y',
        VIEW_MAX_LAG: '3',
      },
      missing,
    );
    expect(faults).toEqual([
      expect.stringContaining('VIEW_MAX_LAG is not a known name'),
      expect.stringContaining('TLS_CERT_FILE names a file that cannot be read (ENOENT)'),
      expect.stringContaining('ADMIN_KEY and ADMIN_KEY_FILE are both set'),
      'PORT must be a whole number from 0 to 65535',
      expect.stringContaining('PEPPER must be 32 bytes in base64'),
      expect.stringContaining('LOG_LEVEL must be one of trace, debug'),
    ]);
  });

  it('takes no limit under which opt-outs would be refused', () => {
    expect(faultsOf({ JSON_DEPTH_MAX: '7', APPEND_LIMIT_KB: '63' })).toEqual([
      expect.stringContaining('JSON_DEPTH_MAX must be a whole number from 8'),
      expect.stringContaining('APPEND_LIMIT_KB must be a whole number from 64'),
    ]);
  });

  it('never prints a value', () => {
    const secret = 'hunter2hunter2';
    const env = {
      PEPPER: secret,
      ADMIN_KEY: secret,
      PORT: secret,
      PUBLIC_URL: secret,
      LOG_LEVEL: secret,
      ROLES: secret,
      TLS_CERT: secret,
      TLS_KEY: secret,
      DATABASE_URL: secret,
      HOST: `${secret}/`,
    };
    try {
      readConfig(env, missing);
      throw new Error('the configuration was accepted');
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as Error).message).not.toContain(secret);
      for (const name of Object.keys(env)) expect((error as Error).message).toContain(name);
    }
  });

  describe('of PostgreSQL', () => {
    const secrets = { PEPPER: KEY, KEY_ENCRYPTION_KEY: KEY };
    const url = 'postgres://user:secret-word@host:5432/consent?sslmode=verify-full';

    it('takes a URL with the secrets, and its limits', () => {
      const { database } = readConfig({ ...secrets, DATABASE_URL: url, DATABASE_POOL_MAX: '7' });
      expect(database).toMatchObject({
        url,
        schema: 'consent_ledger',
        limits: { poolMax: 7, statementTimeoutMs: 5000 },
      });
    });

    it.each(['http://host/db', 'postgres://', 'host:5432', 'postgres:///db'])(
      'refuses %s without repeating it',
      (text) => {
        expect(faultsOf({ ...secrets, DATABASE_URL: text })).toEqual([
          expect.stringMatching(/^DATABASE_URL must be a URL of PostgreSQL/),
        ]);
      },
    );

    it('needs the secrets, which must not be made beside a vault that is elsewhere', () => {
      const faults = faultsOf({ DATABASE_URL: url });
      expect(faults).toEqual([expect.stringContaining('DATABASE_URL needs PEPPER and KEY_ENCRYPTION_KEY')]);
      expect(faults.join()).not.toContain('secret-word');
    });

    it('knows its own names from misspelt ones', () => {
      expect(faultsOf({ DATABASE_POOL: '3' })).toEqual([expect.stringContaining('DATABASE_')]);
    });

    it('wants a name that PostgreSQL takes as it is', () => {
      const schemaOf = (DATABASE_SCHEMA: string) => faultsOf({ ...secrets, DATABASE_URL: url, DATABASE_SCHEMA });
      expect(schemaOf('consent_2')).toEqual([]);
      expect(schemaOf('pg_consent')).toEqual([expect.stringContaining('DATABASE_SCHEMA must be a name')]);
      expect(schemaOf('a";drop')).toEqual([expect.stringContaining('DATABASE_SCHEMA must be a name')]);
    });
  });

  describe('of EventStoreDB', () => {
    const key = Buffer.alloc(32, 7).toString('base64');
    const secrets = { PEPPER: key, KEY_ENCRYPTION_KEY: key };
    const url = 'esdb://user:secret-word@one:2113,two:2113?tls=true&nodePreference=leader';

    it('takes a connection string with the secrets, and its limits', () => {
      const { eventStore } = readConfig({ ...secrets, EVENTSTORE_URL: url, EVENTSTORE_IN_FLIGHT_MAX: '9' });
      const timeouts = { appendTimeoutMs: 5_000, revocationTimeoutMs: 10_000 };
      expect(eventStore).toEqual({ url, ...timeouts, inFlightMax: 9 });
    });

    it.each(['http://one:2113', 'esdb://', 'esdb://one two', 'one:2113'])('refuses %s without repeating it', (text) => {
      expect(faultsOf({ ...secrets, EVENTSTORE_URL: text })).toEqual([
        expect.stringMatching(/^EVENTSTORE_URL must be a connection string/),
      ]);
    });

    it('needs the secrets, which must not be made beside a ledger that is elsewhere', () => {
      const [fault, ...more] = faultsOf({ EVENTSTORE_URL: url });
      expect(fault).toContain('EVENTSTORE_URL needs PEPPER and KEY_ENCRYPTION_KEY');
      expect(`${fault} ${more.join(' ')}`).not.toContain('secret-word');
      expect(more).toEqual([]);
    });

    it('serves the embedded ledger alone', () => {
      expect(readConfig({ ESDB_PORT: '2113' }).esdbPort).toBe(2113);
      expect(faultsOf({ ...secrets, EVENTSTORE_URL: url, ESDB_PORT: '2113' })).toEqual([
        expect.stringContaining('ESDB_PORT serves the embedded ledger'),
      ]);
    });

    it('is served on a port of its own', () => {
      expect(faultsOf({ ESDB_PORT: '3000' })).toEqual([expect.stringContaining('ESDB_PORT is the same as PORT')]);
      expect(faultsOf({ ESDB_PORT: '0', PORT: '0', METRICS_PORT: '0' })).toEqual([]);
    });

    it('warns of a connection without TLS', () => {
      const { warnings } = readConfig({ ...secrets, EVENTSTORE_URL: 'esdb://localhost:2113?tls=false' });
      expect(warnings).toEqual([expect.stringContaining('EVENTSTORE_URL turns TLS off')]);
    });
  });

  describe('of roles', () => {
    const servers = {
      PEPPER: KEY,
      KEY_ENCRYPTION_KEY: KEY,
      EVENTSTORE_URL: 'esdb://one:2113',
      DATABASE_URL: 'postgres://host/consent',
    };

    it('runs all, in any order, wherever ledger and view are', () => {
      const all = ['commands', 'queries', 'relay', 'feed'];
      expect(readConfig({}).roles).toEqual(all);
      expect(readConfig({ ROLES: 'relay, feed,queries,commands' }).roles).toEqual(all);
    });

    it('runs any of them where others share ledger and view', () => {
      const { roles, warnings } = readConfig({ ...servers, ROLES: 'queries,commands' });
      expect(roles).toEqual(['commands', 'queries']);
      expect(warnings).toEqual([expect.stringContaining('ADMIN_KEY is not set')]);
      expect(faultsOf({ ...servers, ROLES: 'queries,cooks' })).toEqual([
        expect.stringContaining('ROLES must be a list out of'),
      ]);
    });

    it.each(['EVENTSTORE_URL', 'DATABASE_URL'])('does not leave any out without %s', (absent) => {
      expect(faultsOf({ ...servers, ROLES: 'queries,commands', [absent]: '' })).toEqual([
        expect.stringContaining('ROLES leaves out relay and feed'),
      ]);
    });
  });

  it('warns of what is allowed but may surprise', () => {
    const { warnings } = readConfig({
      HOST: '0.0.0.0',
      METRICS_HOST: '10.1.2.3',
      WHATSAPP_VERIFY_TOKEN: 'x',
    });
    expect(warnings.map((warning) => warning.split(' ', 1)[0])).toEqual([
      'HOST',
      'METRICS_HOST',
      'WHATSAPP_VERIFY_TOKEN',
    ]);
  });

  it('refuses combinations that cannot work', () => {
    expect(faultsOf({ PORT: '9464' })).toEqual([expect.stringContaining('PORT and METRICS_PORT')]);
    expect(faultsOf({ PORT: '0', METRICS_PORT: '0', GRPC_PORT: '0' })).toEqual([]);
    for (const name of ['PORT', 'METRICS_PORT', 'ESDB_PORT']) {
      expect(faultsOf({ [name]: '50051' })).toEqual([expect.stringContaining('GRPC_PORT is the same')]);
    }
    expect(faultsOf({ VIEW_MAX_LAG_MS: '500' })).toEqual([expect.stringContaining('VIEW_PROBE_INTERVAL_MS')]);
  });

  it('wants both halves of TLS, and that they are PEM', () => {
    expect(faultsOf({ TLS_KEY: 'key.pem' })).toEqual(['TLS_CERT and TLS_KEY belong together: set both or neither']);
    expect(faultsOf({ TLS_CERT: '/cert.pem', TLS_KEY: '/key.pem' }, missing)).toHaveLength(2);
    expect(faultsOf({ TLS_CERT: '/cert.pem', TLS_KEY: '/key.pem' }, () => 'no PEM')).toEqual([
      expect.stringContaining('are not a PEM certificate'),
    ]);
  });

  it('knows the addresses that only this machine reaches', () => {
    expect(['127.0.0.1', '127.8.8.8', '::1', 'localhost'].map(isLoopback)).toEqual([true, true, true, true]);
    expect(['0.0.0.0', '::', '10.0.0.1', 'example.org', '127.evil.org'].map(isLoopback)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});
