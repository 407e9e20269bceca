import type { Server } from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { DESCRIPTOR_SET } from '#grpc-messages';

/** `grpc.reflection`: tools such as grpcurl learn the contract from the service itself. */
export function registerReflection(server: Server): void {
  const contract = protoLoader.loadFileDescriptorSetFromBuffer(DESCRIPTOR_SET);
  new ReflectionService(contract).addToServer(server);
}
