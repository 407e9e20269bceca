import type { RouteSpec } from '../route.js';
import { READINESS } from './answers.js';
import { TEXT } from './schemas.js';

const STATUS = { type: 'object', properties: { status: TEXT } } as const;

export const liveRoute: RouteSpec = {
  method: 'get',
  path: '/health/live',
  operationId: 'getLive',
  summary: 'The process runs',
  tag: 'health',
  access: 'none',
  responses: { 200: { description: 'It does.', schema: STATUS } },
};

export const readyRoute: RouteSpec = {
  method: 'get',
  path: '/health/ready',
  operationId: 'getReady',
  summary: 'The ledger takes appends, the disk has room and the view is fresh',
  description: 'Lists each dependency and each follower with its lag, the lanes of the relay among them.',
  tag: 'health',
  access: 'none',
  responses: {
    200: { description: 'Ready.', schema: READINESS },
    503: { description: 'Not ready, and why.', schema: READINESS },
  },
};
