import { encoded, type ProtoWriter } from '#protobuf';
import { writeUuid } from '../messages/shared.js';

const STREAMS = 'event_store.client.streams.streams';
const PERSISTENT = 'event_store.client.persistent_subscriptions.persistentsubscriptions';

/** The version of EventStoreDB whose manner of answering this is. */
const VERSION = '23.10.0';

interface Method {
  readonly service: string;
  readonly name: string;
  readonly features?: readonly string[];
}

/**
 * What clients ask for before they choose how to call. Four methods of persistent subscriptions are named although all
 * of them are unimplemented: a client that does not find their names asks an old HTTP interface instead, while over
 * gRPC it is told plainly.
 */
const METHODS: readonly Method[] = [
  { service: STREAMS, name: 'append' },
  { service: STREAMS, name: 'batchappend', features: ['deadline_duration'] },
  { service: STREAMS, name: 'read', features: ['position', 'events'] },
  { service: STREAMS, name: 'delete' },
  { service: STREAMS, name: 'tombstone' },
  { service: 'event_store.client.gossip.gossip', name: 'read' },
  { service: 'event_store.client.server_features.serverfeatures', name: 'getsupportedmethods' },
  ...['getinfo', 'list', 'replayparked', 'restartsubsystem'].map((name) => ({
    service: PERSISTENT,
    name,
    features: ['stream'],
  })),
];

export function supportedMethods(): Buffer {
  return encoded((response) => {
    for (const method of METHODS) response.message(1, (supported) => writeMethod(supported, method));
    response.string(2, VERSION);
  });
}

function writeMethod(supported: ProtoWriter, { service, name, features = [] }: Method): void {
  supported.string(1, name).string(2, service);
  for (const feature of features) supported.string(3, feature);
}

const LEADER = 8;
const TICKS_PER_MS = 10_000;

/** A name or an address, one of IPv6 in brackets, and a port. */
const ADDRESS = /^\[?([^\]]*?)\]?(?::(\d+))?$/;

/** One member, the leader, at the address by which the client has reached it: a proxy between knows that one only. */
export function clusterOfOne(instanceId: string, authority: string): Buffer {
  const [, address = '', port] = ADDRESS.exec(authority) ?? [];
  return encoded((response) =>
    response.message(1, (member) => {
      writeUuid(member, 1, instanceId);
      member.uint(2, Date.now() * TICKS_PER_MS);
      member.uint(3, LEADER).bool(4, true);
      member.message(5, (endpoint) => endpoint.string(1, address).uint(2, Number(port ?? 443)));
    }),
  );
}
