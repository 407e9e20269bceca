import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createMetrics, Metrics } from './metrics.js';
import { RequestHistogram } from './request-histogram.js';
import { type MetricsServer, startMetricsServer } from './metrics-server.js';

describe('Metrics', () => {
  it('counts requests by method, route and status', async () => {
    const metrics = new Metrics();
    metrics.httpRequest('GET', '/v1/x/:id', 200, 0.0004);
    metrics.httpRequest('GET', '/v1/x/:id', 200, 0.04);
    metrics.httpRequest('GET', 'none', 404, 0.001);
    const text = await metrics.render();
    expect(text).toContain(
      'consent_http_request_duration_seconds_count{method="GET",route="/v1/x/:id",status="200"} 2',
    );
    expect(text).toContain(
      'consent_http_request_duration_seconds_bucket{le="0.0005",method="GET",route="/v1/x/:id",status="200"} 1',
    );
    expect(text).toContain('consent_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1');
  });

  it('renders a histogram as Prometheus reads it', () => {
    const histogram = new RequestHistogram(
      'consent_http_request_duration_seconds',
      'Help.',
      (method, route, status) => ({
        method,
        route,
        status: String(status),
      }),
    );
    for (const seconds of [0.00025, 0.0003, 2, 60]) histogram.observe('POST', '/a"b', 503, seconds);
    const lines = histogram.render().trimEnd().split('\n');
    const labels = 'method="POST",route="/a\\"b",status="503"';
    expect(lines.slice(0, 2).map((line) => line.split(' ', 3).join(' '))).toEqual([
      '# HELP consent_http_request_duration_seconds',
      '# TYPE consent_http_request_duration_seconds',
    ]);
    const counts = lines.filter((line) => line.includes('_bucket')).map((line) => Number(line.split(' ').at(-1)));
    expect(counts).toEqual([1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 4]);
    expect(lines.slice(-3)).toEqual([
      `consent_http_request_duration_seconds_bucket{le="+Inf",${labels}} 4`,
      `consent_http_request_duration_seconds_sum{${labels}} 62.00055`,
      `consent_http_request_duration_seconds_count{${labels}} 4`,
    ]);
  });

  it('adds decisions up over scrapes', async () => {
    const metrics = new Metrics();
    metrics.decided('REVOKED');
    expect(await metrics.render()).toContain('consent_decisions_total{reason="REVOKED"} 1');
    metrics.decided('REVOKED');
    metrics.decided('CONSENTED', 3);
    const text = await metrics.render();
    expect(text).toContain('consent_decisions_total{reason="REVOKED"} 2');
    expect(text).toContain('consent_decisions_total{reason="CONSENTED"} 3');
  });

  it('counts commands, deliveries, warnings and appends', async () => {
    const metrics = new Metrics();
    metrics.command('ConsentRevoked', 'recorded');
    metrics.webhookFacts('whatsapp_cloud', 'message', 2);
    metrics.unrouted('whatsapp_cloud', 'unknown_sender');
    metrics.unroutedDropped(4);
    metrics.lenientWarning('k1', 'channels');
    metrics.unreadable();
    metrics.appended('revocation', 0.0002);
    const text = await metrics.render();
    for (const line of [
      'consent_commands_total{type="ConsentRevoked",outcome="recorded"} 1',
      'consent_webhook_facts_total{provider="whatsapp_cloud",kind="message"} 2',
      'consent_unrouted_total{provider="whatsapp_cloud",reason="unknown_sender"} 1',
      'consent_unrouted_dropped_total 4',
      'consent_lenient_warnings_total{key_id="k1",field="channels"} 1',
      'consent_unreadable_events_total 1',
      'consent_append_duration_seconds_count{lane="revocation"} 1',
    ]) {
      expect(text).toContain(line);
    }
  });

  it('reads gauges when it is scraped', async () => {
    const metrics = new Metrics();
    const view: { lagMs?: number } = {};
    metrics.watch({ queued: () => ({ normal: 7, revocation: 1 }), viewLagMs: () => view.lagMs });
    expect(await metrics.render()).toContain('consent_view_lag_seconds +Inf');
    view.lagMs = 250;
    const text = await metrics.render();
    expect(text).toContain('consent_view_lag_seconds 0.25');
    expect(text).toContain('consent_append_queue_length{lane="normal"} 7');
    expect(text).toContain('consent_append_queue_length{lane="revocation"} 1');
  });
});

it('docs/operations/metrics.md names every metric, and no other', async () => {
  const page = readFileSync(new URL('../../docs/operations/metrics.md', import.meta.url), 'utf8');
  const named = page.split('\n').flatMap((line) => [
    ...line
      .split('|')
      .slice(1, 2)
      .join()
      .matchAll(/consent_\w+/g),
  ]);
  const metrics = new Metrics();
  metrics.watch({ queued: () => ({ normal: 0, revocation: 0 }), viewLagMs: () => 0 });
  const lanes = [{ name: 'optouts', lagMs: 0, lagEvents: 0, retries: 0 }];
  metrics.watchRelay(() => ({ leader: true, parked: 0, healed: 0, lanes }));
  metrics.watchFeed(() => ({ watchers: 0, readingHistory: 0, told: 0, cutOff: 0 }));
  const connections = { open: 0, refused: 0 };
  metrics.watchConnections({ http: connections, grpc: connections });
  const served = [...(await metrics.render()).matchAll(/^# TYPE (consent_\w+)/gm)].map(([, name]) => name);
  expect(named.map(([name]) => name).sort()).toEqual(served.sort());
});

describe('the metrics server', () => {
  let server: MetricsServer | undefined;
  afterEach(() => server?.close());

  it('serves metrics and the heap summary, and nothing else', async () => {
    server = await startMetricsServer({ host: '127.0.0.1', port: 0 }, createMetrics());
    const get = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${server?.port}${path}`, { method });
    const metrics = await get('/metrics?x=1');
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await metrics.text()).toContain('process_cpu_user_seconds_total');
    expect(await (await get('/debug/heap')).json()).toMatchObject({
      process: { rss: expect.any(Number) },
      heap: { used_heap_size: expect.any(Number) },
    });
    expect((await get('/')).status).toBe(404);
    expect((await get('/metrics', 'POST')).status).toBe(405);
  });

  it('serves both to whoever can reach it', async () => {
    server = await startMetricsServer({ host: '0.0.0.0', port: 0 }, createMetrics());
    const addresses = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
    const outside = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
    for (const path of ['/metrics', '/debug/heap']) {
      expect((await fetch(`http://${outside}:${server.port}${path}`)).status).toBe(200);
    }
  });

  it('rejects where the port is taken', async () => {
    server = await startMetricsServer({ host: '127.0.0.1', port: 0 }, new Metrics());
    await expect(startMetricsServer({ host: '127.0.0.1', port: server.port }, new Metrics())).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });
});
