import { describe, expect, it } from '@jest/globals';
import { ConfigError, readConfig } from './config.js';

const BROKERS = { KAFKA_BROKERS: 'one:9092, two.example:9093,[::1]:9094' };
const SASL = {
  KAFKA_SASL_MECHANISM: 'scram-sha-512',
  KAFKA_SASL_USERNAME: 'relay',
  KAFKA_SASL_PASSWORD: 'secret-word',
};

/** Of a test authority; nothing was ever signed with it. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBlDCCATmgAwIBAgIUV90mkM5hBEVP7hA1I9CtjX69608wCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTY29uc2VudC1sZWRnZXItdGVzdDAgFw0yNjExMjUwNDM1MzVa
GA8yMTI2MTEwMTA0MzUzNVowHjEcMBoGA1UEAwwTY29uc2VudC1sZWRnZXItdGVz
dDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFULQNvz4BJEq9TRLAuKLmTrCsxy
pbxZ3tWQM/3Oasg1O+p6Dm6HVx91NYOJpGG6OIvErjhWO65vDAkHN/IpSaCjUzBR
MB0GA1UdDgQWBBRTm1l/NDQQE+ioQO1+3AVlh5BOPDAfBgNVHSMEGDAWgBRTm1l/
NDQQE+ioQO1+3AVlh5BOPDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kA
MEYCIQCtIMsZ6jz5mETFY5reTry/pOAqtsBvty2ZFM+hAINlXgIhAMByx6vSTwQr
5zWoAiDMbRtkwJlVdtzEm57FRRNFK2E7
-----END CERTIFICATE-----`;

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

describe('the configuration of Kafka', () => {
  it('is not there without brokers', () => {
    expect(readConfig({})).not.toHaveProperty('kafka');
    expect(readConfig({ RELAY_LEASE_MS: '2000' })).not.toHaveProperty('kafka');
  });

  it('needs no more than brokers', () => {
    expect(readConfig(BROKERS).kafka).toEqual({
      brokers: ['one:9092', 'two.example:9093', '[::1]:9094'],
      createTopics: true,
      relay: { batchEvents: 500, batchBytes: 256 * 1024, dirtyMax: 100_000, leaseMs: 5_000, lagWarnMs: 5_000 },
    });
  });

  it('takes how to sign in, what topics are made like, and limits', () => {
    const { kafka, warnings } = readConfig({
      ...BROKERS,
      ...SASL,
      KAFKA_TLS: 'true',
      KAFKA_CREATE_TOPICS: 'false',
      KAFKA_REPLICATION_FACTOR: '3',
      KAFKA_MIN_ISR: '2',
      RELAY_BATCH_KB: '100',
      RELAY_DIRTY_MAX: '7',
    });
    expect(kafka).toMatchObject({
      tls: {},
      sasl: { mechanism: 'scram-sha-512', username: 'relay', password: 'secret-word' },
      createTopics: false,
      replicationFactor: 3,
      minInsyncReplicas: 2,
      relay: { batchBytes: 102_400, dirtyMax: 7 },
    });
    expect(warnings).toEqual([]);
  });

  it.each(['one', 'one:0', 'one:65536', 'kafka://one:9092', 'one:9092,', 'one:9092 two:9092', ':9092'])(
    'refuses %s as brokers without repeating it',
    (text) =>
      expect(faultsOf({ KAFKA_BROKERS: text })).toEqual([expect.stringMatching(/^KAFKA_BROKERS must be a list/)]),
  );

  it.each(['KAFKA_TLS', 'KAFKA_CREATE_TOPICS', 'KAFKA_MIN_ISR', 'KAFKA_REPLICATION_FACTOR', 'KAFKA_SASL_MECHANISM'])(
    'refuses another word as %s',
    (name) => expect(faultsOf({ ...BROKERS, ...SASL, [name]: 'perhaps' })[0]).toMatch(new RegExp(`^${name} must be`)),
  );

  it('names all that is set for it without brokers', () => {
    expect(faultsOf({ KAFKA_TLS: 'true', KAFKA_MIN_ISR: '2' })).toEqual([
      expect.stringContaining('KAFKA_TLS is of no use without KAFKA_BROKERS'),
      expect.stringContaining('KAFKA_MIN_ISR is of no use without KAFKA_BROKERS'),
    ]);
  });

  it.each(Object.keys(SASL))('does not sign in without %s', (name) => {
    const [fault, ...more] = faultsOf({ ...BROKERS, ...SASL, [name]: '' });
    expect(fault).toMatch(new RegExp(`^${name} must be set as well`));
    expect(more).toEqual([]);
    expect(fault).not.toContain('secret-word');
  });

  it('refuses to want more replicas in step than there are', () => {
    expect(faultsOf({ ...BROKERS, KAFKA_REPLICATION_FACTOR: '1', KAFKA_MIN_ISR: '2' })).toEqual([
      expect.stringContaining('KAFKA_MIN_ISR is above KAFKA_REPLICATION_FACTOR'),
    ]);
  });

  it('wants certificates that are some, and TLS with them', () => {
    const withTls = { ...BROKERS, KAFKA_TLS: 'true', KAFKA_TLS_CA: '/ca.pem' };
    expect(readConfig(withTls, () => CERTIFICATE).kafka?.tls).toEqual({ ca: CERTIFICATE });
    expect(readConfig({ ...withTls, KAFKA_TLS_CA: CERTIFICATE }).kafka?.tls).toEqual({ ca: CERTIFICATE });
    expect(faultsOf(withTls, () => 'no PEM')).toEqual([
      expect.stringContaining('KAFKA_TLS_CA is not a PEM certificate'),
    ]);
    expect(faultsOf({ ...withTls, KAFKA_TLS: 'false' }, () => CERTIFICATE)).toEqual([
      expect.stringContaining('KAFKA_TLS_CA is of no use without TLS'),
    ]);
    expect(faultsOf(withTls, missing)).toEqual([
      expect.stringContaining('KAFKA_TLS_CA names a PEM file that cannot be read (ENOENT)'),
    ]);
  });

  it.each([
    ['plain', 'the password travels'],
    ['scram-sha-256', 'reads along'],
  ])('warns of %s without TLS', (mechanism, said) => {
    const env = { ...BROKERS, ...SASL, KAFKA_SASL_MECHANISM: mechanism };
    expect(readConfig(env).warnings).toEqual([expect.stringContaining(said)]);
    expect(readConfig({ ...env, KAFKA_TLS: 'true' }).warnings).toEqual([]);
  });

  it('finds misspelt names', () => {
    expect(faultsOf({ KAFKA_BROKER: 'one:9092' })).toEqual([expect.stringContaining('did you mean KAFKA_BROKERS')]);
    expect(faultsOf({ RELAY_SPEED: '9' })).toEqual([expect.stringContaining('those that begin with RELAY_')]);
  });
});
