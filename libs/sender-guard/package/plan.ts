import type { PackagePlan } from '#packaging';

export const PLAN: PackagePlan = {
  lib: 'sender-guard',
  name: '@consent-ledger/sender-guard',
  description: 'Whoever said stop is not messaged: the consent ledger inside a sender.',
  dependencies: ['kafkajs'],
};
