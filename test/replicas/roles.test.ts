import type { ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkHealth, healthClient } from '../grpc/health-client.js';
import { GrpcClient, detailsOf, type Json } from '../grpc/support.js';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { decided, healthOf, phone, ReplicaScene, revoke, check, type Replica } from './scene.js';

const ACME = '/v1/businesses/acme';

describe('roles split over processes', () => {
  let scene: ReplicaScene;
  let commands: Replica;
  let queries: Replica;
  let rest: Replica;
  beforeAll(async () => {
    scene = await ReplicaScene.found();
    const launch = (ROLES: string) => scene.launch({ ROLES });
    [commands, queries, rest] = await Promise.all([launch('commands'), launch('queries'), launch('relay,feed')]);
    await registerAcme(commands);
  }, 120_000);
  afterAll(() => scene.remove());

  it('are one service: what one is told, another answers', async () => {
    await must(ask(commands, 'POST', `${ACME}/grants`, { body: grantBody(phone(1)) }));
    const { body } = await must(revoke(commands, phone(1)));
    expect((await decided(queries, phone(1), { atLeast: body.position })).reason).toBe('REVOKED');
    const timeline = await must(ask(queries, 'GET', `${ACME}/recipients/${String(body.recipientId)}/timeline`));
    expect(timeline.body.events).toHaveLength(2);
  });

  it('each turns away what another is for, and names the role', async () => {
    const misled = [
      [queries, 'commands', revoke(queries, phone(2))],
      [queries, 'commands', ask(queries, 'PUT', `${ACME}/purposes/x`, { body: {} })],
      [
        rest,
        'commands',
        deliver(rest, deliveryOf({ from: phone(2).slice(1), id: 'wamid.x', text: 'STOP', at: Date.now() })),
      ],
      [commands, 'queries', check(commands, phone(2))],
      [commands, 'feed', ask(commands, 'GET', `${ACME}/changes`)],
    ] as const;
    for (const [, role, asked] of misled) {
      const answer = await asked;
      expect([answer.status, answer.body.code]).toStrictEqual([503, 'NOT_CONFIGURED']);
      expect(answer.body.detail).toContain(`the role ${role}`);
    }
  });

  it('each turns away the same over gRPC', async () => {
    const [writes, reads, feeds] = [commands, queries, rest].map(
      ({ ports, adminKey }) => new GrpcClient({ port: ports.grpc, key: adminKey }),
    ) as [GrpcClient, GrpcClient, GrpcClient];
    const [of, recipient] = [{ businessId: 'acme' }, { phone: phone(3) }];
    const question = { ...of, recipient, channel: 'whatsapp', purpose: 'offers' };
    expect((await writes.call('Revoke', { ...of, recipient })).code).toBe('OK');
    expect((await reads.call('Check', question)).code).toBe('OK');
    expect(await watched(feeds, of)).toBe('OK');
    const misled = [
      reads.call('Revoke', { ...of, recipient }).then(({ code }) => code),
      writes.call('Check', question).then(({ code }) => code),
      feeds.call('Check', question).then(({ code }) => code),
      watched(writes, of),
      watched(reads, of),
    ];
    expect(new Set(await Promise.all(misled))).toEqual(new Set(['NOT_CONFIGURED']));
    for (const client of [writes, reads, feeds]) client.close();
  });

  it('each says of the services of other roles that it serves them not', async () => {
    const services = ['', 'ConsentService', 'EligibilityService', 'ChangeService'];
    const said = await Promise.all(
      [commands, queries, rest].map(({ ports }) => Promise.all(services.map((service) => health(ports.grpc, service)))),
    );
    expect(said).toEqual([
      ['SERVING', 'SERVING', 'NOT_SERVING', 'NOT_SERVING'],
      ['SERVING', 'NOT_SERVING', 'SERVING', 'NOT_SERVING'],
      ['SERVING', 'NOT_SERVING', 'NOT_SERVING', 'SERVING'],
    ]);
  });

  it('all tell their health, their metrics and what they are', async () => {
    for (const replica of [commands, queries, rest]) {
      expect((await healthOf(replica)).status).toBe(200);
      expect((await fetch(`http://127.0.0.1:${replica.ports.metrics}/metrics`)).status).toBe(200);
      expect((await ask(replica, 'GET', '/openapi.json', { key: '' })).status).toBe(200);
    }
    expect(queries.process.stdout).toContain('"roles":["queries"]');
  });
});

/** What `grpc.health.v1.Health` says of one of our services; of the whole process by the empty name. */
async function health(port: number, service: string): Promise<string> {
  const client = healthClient(`localhost:${port}`);
  try {
    return await checkHealth(client, service === '' ? '' : `consentledger.v1.${service}`);
  } finally {
    client.close();
  }
}

/** The code that a watch is refused with, or OK once it tells something. */
function watched(client: GrpcClient, of: Json): Promise<string | undefined> {
  return new Promise((resolve) => {
    const stream = client.watch(of).on('error', (error) => resolve(detailsOf(error as ServiceError).reason));
    stream.once('data', () => {
      resolve('OK');
      stream.cancel();
    });
  });
}
