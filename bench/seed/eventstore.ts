import { programOf, startServer, type Child } from '../harness/child.js';
import { profileArgs, type ServiceOptions } from './service.js';

export interface EventStoreServer extends Child {
  /** What `EVENTSTORE_URL` takes. */
  readonly url: string;
}

/** Our own server, as `npm run eventstore` runs it, over the embedded ledger of a directory and on a free port. */
export async function startEventStore(
  dataDir: string,
  { profileDir }: Pick<ServiceOptions, 'profileDir'> = {},
): Promise<EventStoreServer> {
  const { pid, ready, stop } = await startServer(programOf('apps/eventstore/main.js'), {
    args: ['--port', '0', '--data', dataDir],
    nodeArgs: profileArgs(profileDir),
  });
  const { port } = ready as { port: number };
  return { pid, stop, url: `esdb://127.0.0.1:${port}?tls=false` };
}
