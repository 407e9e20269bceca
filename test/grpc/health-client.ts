import {
  credentials,
  loadPackageDefinition,
  type ChannelCredentials,
  type Client,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';

export type HealthClient = Client & {
  check(request: object, callback: (error: ServiceError | null, answer?: { status: string }) => void): void;
  watch(request: object): NodeJS.ReadableStream & { cancel(): void };
};

/** The standard client, made from the standard's own definition. */
export function healthClient(
  address: string,
  channel: ChannelCredentials = credentials.createInsecure(),
): HealthClient {
  const loaded = loadPackageDefinition(loadSync(protoPath, { enums: String })) as unknown as {
    grpc: { health: { v1: { Health: new (at: string, channel: ChannelCredentials) => HealthClient } } };
  };
  return new loaded.grpc.health.v1.Health(address, channel);
}

/** The status that is told of a service, or the number of the error. */
export function checkHealth(client: HealthClient, service: string): Promise<string> {
  return new Promise((resolve) => {
    client.check({ service }, (error, answer) => resolve(error ? String(error.code) : String(answer?.status)));
  });
}
