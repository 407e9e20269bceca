import dns from 'node:dns';
import { connect } from 'node:net';
import { once } from 'node:events';
import { afterEach, expect, it, jest } from '@jest/globals';
import { startTestService } from '../support/service.js';

afterEach(() => void jest.restoreAllMocks());

type Answer = (error: NodeJS.ErrnoException | null, addresses: dns.LookupAddress[]) => void;

/** As on most machines; on those without the sixth version nobody would be there to be found. */
function localhostHasTwoAddresses(): void {
  const both = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  const { lookup } = dns;
  const answer = (host: string, options: dns.LookupAllOptions, done: Answer) => {
    if (host === 'localhost' && options.all) process.nextTick(done, null, both);
    else lookup(host, options, done);
  };
  jest.spyOn(dns, 'lookup').mockImplementation(answer as unknown as typeof dns.lookup);
}

it('listens at one address where HOST is a name that has two: a second server would have none of its limits', async () => {
  localhostHasTwoAddresses();
  const service = await startTestService({ env: { HOST: 'localhost' } });
  try {
    expect((await fetch(`${service.base}/health/live`)).status).toBe(200);
    const other = connect(service.running.ports.http, '::1');
    const outcome = await once(other, 'connect').then(
      () => 'connected',
      ({ code }: NodeJS.ErrnoException) => code,
    );
    other.destroy();
    expect(outcome).toBe('ECONNREFUSED');
  } finally {
    await service.stop();
  }
});
