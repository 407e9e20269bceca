import type { RouteSpec } from '../route.js';

export const openApiRoute: RouteSpec = {
  method: 'get',
  path: '/openapi.json',
  operationId: 'getOpenApi',
  summary: 'This document',
  tag: 'docs',
  access: 'none',
  responses: { 200: { description: 'OpenAPI 3.1.', schema: { type: 'object' } } },
};

export const docsRoute: RouteSpec = {
  method: 'get',
  path: '/docs',
  operationId: 'getDocs',
  summary: 'The document as a page',
  tag: 'docs',
  access: 'none',
  responses: { 200: { description: 'A page.', schema: { type: 'string' }, contentType: 'text/html' } },
};

export const docsFileRoute: RouteSpec = {
  method: 'get',
  path: '/docs/:file',
  operationId: 'getDocsFile',
  summary: 'What the page loads',
  tag: 'docs',
  access: 'none',
  // Under no name at all there is nothing here, as under any path with a slash behind it: no name that is wrong.
  params: { file: { type: 'string', pattern: '^[A-Za-z0-9._-]{0,80}$' } },
  responses: { 200: { description: 'A file.' } },
  problems: ['NOT_FOUND'],
};
