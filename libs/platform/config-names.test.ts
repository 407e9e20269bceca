import { describe, expect, it } from '@jest/globals';
import { editDistance, misspeltNames } from './config-names.js';

/** What shells, containers, build servers and other software set, near our names or not. */
const USUAL_NAMES = [
  ...['PATH', 'HOME', 'HOSTNAME', 'HOSTTYPE', 'USER', 'LOGNAME', 'SHELL', 'SHLVL', 'TERM', 'PWD', 'OLDPWD', 'TMPDIR'],
  ...['LANG', 'LC_ALL', 'LANGUAGE', 'TZ', 'EDITOR', 'PAGER', 'MAIL', 'DISPLAY', 'INIT_CWD', 'COLOR', 'CI', 'DEBUG'],
  ...['NODE', 'NODE_ENV', 'NODE_OPTIONS', 'NODE_VERSION', 'NODE_PATH', 'NODE_EXTRA_CA_CERTS', 'YARN_VERSION'],
  ...['npm_config_cache', 'npm_config_log_level', 'npm_lifecycle_event', 'npm_package_name', 'npm_node_execpath'],
  ...['KUBERNETES_PORT', 'KUBERNETES_SERVICE_HOST', 'POD_NAME', 'POD_IP', 'NAMESPACE', 'SERVICE_ACCOUNT'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'CURL_CA_BUNDLE', 'HTTP_PROXY', 'https_proxy', 'NO_PROXY', 'ALL_PROXY'],
  ...['LOG_FILE', 'LOG_FORMAT', 'LOG_DIR', 'LOG_PATH', 'API_KEY', 'API_KEY_FILE', 'API_TOKEN', 'API_URL', 'PUBLIC_IP'],
  ...['DATA_PATH', 'DATA_VOLUME', 'DATA_HOME', 'DATA_KEY', 'ADMIN_USER', 'ADMIN_PASSWORD', 'ADMIN_EMAIL', 'PUBLIC_DIR'],
  ...['PUBLIC_KEY', 'PUBLIC_PATH', 'GRPC_VERBOSITY', 'GRPC_TRACE', 'GRPC_DNS_RESOLVER', 'HTTP_PORT', 'DEBUG_PORT'],
  ...['PGHOST', 'PGPASSFILE', 'POSTGRES_PASSWORD', 'REDIS_URL', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'GITHUB_TOKEN'],
  ...['XDG_CACHE_HOME', 'XDG_DATA_DIRS', 'DBUS_SESSION_BUS_ADDRESS', 'SSH_AUTH_SOCK', 'GPG_TTY', 'LS_COLORS'],
  ...['JAVA_HOME', 'MAVEN_HOME', 'JEST_WORKER_ID', 'FORCE_COLOR', 'NO_COLOR', 'MEMORY_LIMIT', 'CPU_LIMIT', 'TIMEOUT'],
  ...['OTEL_EXPORTER_OTLP_ENDPOINT', 'INVOCATION_ID', 'JOURNAL_STREAM', 'LISTEN_FDS', 'FLY_REGION', 'BATCH_ID'],
  ...['CONNECTIONS', 'REQUEST_ID', 'REQUEST_URI', 'REQUEST_METHOD', 'SHUTDOWN', 'DISK_SIZE', 'BODY_SIZE', 'JSON_LOGS'],
];

describe('misspeltNames', () => {
  it.each([
    ['HOTS', 'HOST'],
    ['port', 'PORT'],
    ['DATADIR', 'DATA_DIR'],
    ['DATA_DIR_FIEL', 'DATA_DIR_FILE'],
    ['PORT_FIL', 'PORT_FILE'],
    ['ADMIN_KEY_FILES', 'ADMIN_KEY_FILE'],
    ['WAIT_FOR_POSITION', 'WAIT_FOR_POSITION_MS'],
    ['BODY_LIMIT', 'BODY_LIMIT_KB'],
    ['SHUTDOWN_TIMEOUT', 'SHUTDOWN_TIMEOUT_MS'],
    ['REQUEST_TIMEOUT', 'REQUEST_TIMEOUT_MS'],
    ['request_timeout_file', 'REQUEST_TIMEOUT_MS'],
    ['DISK_RESERVE', 'DISK_RESERVE_MB'],
    ['IN_FLIGHT', 'IN_FLIGHT_MAX'],
    ['SHUTDOWN_TIMEOUT_SEC', 'SHUTDOWN_TIMEOUT_MS'],
    ['BATCH_MAXIMUM', 'BATCH_MAX'],
    ['DATA_DIRECTORY', 'DATA_DIR'],
    ['KEY_ENCRYPTION', 'KEY_ENCRYPTION_KEY'],
    ['ENCRYPTION_KEY', 'KEY_ENCRYPTION_KEY'],
    ['BATCH_MAXX_FILE', 'BATCH_MAX'],
    ['WHATSAPP_SECRET', 'docs/configuration.md'],
    ['PATH', undefined],
    ['HOME', undefined],
    ['HOSTNAME', undefined],
    ['npm_config_cache', undefined],
  ])('tells a misspelt %s from one of somebody else', (name, meant) => {
    const faults = misspeltNames({ [name]: 'x' });
    expect(faults).toEqual(meant === undefined ? [] : [expect.stringContaining(meant)]);
  });

  it('leaves alone what containers, shells and other software are usually given', () => {
    expect(misspeltNames(Object.fromEntries(USUAL_NAMES.map((name) => [name, 'x'])))).toEqual([]);
  });

  it('leaves alone what Kubernetes announces of other services', () => {
    expect(
      misspeltNames({
        KAFKA_SERVICE_HOST: '10.0.0.1',
        KAFKA_PORT: 'tcp://10.0.0.1:9092',
        KAFKA_PORT_9092_TCP_ADDR: '10.0.0.1',
      }),
    ).toEqual([]);
  });
});

describe('editDistance', () => {
  it.each([
    ['', 'abc', 3],
    ['PORT', 'PORT', 0],
    ['PROT', 'PORT', 1],
    ['PEPER', 'PEPPER', 1],
    ['KITTEN', 'SITTING', 3],
  ])('%s → %s takes %i steps', (from, to, steps) => expect(editDistance(from, to)).toBe(steps));
});
