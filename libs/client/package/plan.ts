import type { PackagePlan } from '#packaging';

export const PLAN: PackagePlan = {
  lib: 'client',
  name: '@consent-ledger/client',
  description: 'Asks the consent ledger who may be messaged, and tells it what people say.',
  dependencies: ['@grpc/grpc-js'],
};
