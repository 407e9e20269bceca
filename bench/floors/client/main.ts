/**
 * The floor of a command on EventStoreDB: the same event appended with the official client as it comes, nothing around
 * it, in a process of its own.
 */
import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, NO_STREAM, jsonEvent } from '@eventstore/db-client';

export interface ClientOrder {
  readonly url: string;
  readonly inFlight: number;
  /** Appended first and not counted: the process is young, and what it is compared with is not. */
  readonly warmUps: number;
  readonly appends: number;
  readonly event: { readonly type: string; readonly data: string; readonly metadata: string };
}

export interface ClientAppended {
  readonly perSecond: number;
  /** Milliseconds of each append, in no order that matters. */
  readonly latenciesMs: readonly number[];
}

async function append(order: ClientOrder): Promise<ClientAppended> {
  const client = EventStoreDBClient.connectionString(order.url);
  try {
    await appendAtOnce(client, order, order.warmUps);
    return await appendAtOnce(client, order, order.appends);
  } finally {
    await client.dispose();
  }
}

async function appendAtOnce(
  client: EventStoreDBClient,
  { inFlight, event }: ClientOrder,
  appends: number,
): Promise<ClientAppended> {
  const latenciesMs: number[] = [];
  const [data, metadata] = [parsed(event.data), parsed(event.metadata)];
  let next = 0;
  const writer = async () => {
    while (next++ < appends) {
      const id = randomUUID();
      const began = performance.now();
      const one = jsonEvent({ id, type: event.type, data, metadata });
      await client.appendToStream(`consent-${id}`, one, { expectedRevision: NO_STREAM });
      latenciesMs.push(performance.now() - began);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: inFlight }, writer));
  return { perSecond: (appends * 1_000) / (performance.now() - began), latenciesMs };
}

function parsed(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

process.once('message', (order: ClientOrder) => {
  append(order).then(
    (appended) => process.send?.(appended, () => process.disconnect()),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});
