import { applyDecorators, Delete, Get, HttpCode, Post, Put } from '@nestjs/common';
import { RouteConfig, RouteSchema } from '@nestjs/platform-fastify';
import type { JsonSchema, Role, RouteDoc } from '#platform';
import type { Access } from '../authenticate.js';
import type { BodyMode } from './body-parser.js';
import type { GateConfig } from './gate.js';

/** A route: what the docs say of it, what Fastify validates, and what the gate asks. One declaration for all three. */
export interface RouteSpec extends Omit<RouteDoc, 'scope'> {
  readonly access: Access;
  /** Of the `body`; absent: strict. */
  readonly bodyMode?: BodyMode;
  readonly revocation?: boolean;
  readonly founds?: boolean;
  readonly watch?: boolean;
  /** Compiled by Fastify for the check routes, whose bodies no DTO validates. */
  readonly compiledBody?: JsonSchema;
}

const VERBS = { get: Get, put: Put, post: Post, delete: Delete } as const;

/** Binds a controller's method to its declaration. */
export function Route(spec: RouteSpec): MethodDecorator {
  const gate: GateConfig = {
    access: spec.access,
    path: spec.path,
    ...(spec.body ? { body: spec.bodyMode ?? 'strict' } : {}),
    ...roleOf(spec),
    ...(spec.revocation ? { revocation: true } : {}),
    ...(spec.founds ? { founds: true } : {}),
    ...(spec.watch ? { watch: true } : {}),
  };
  const [status = '200'] = Object.keys(spec.responses);
  return applyDecorators(
    VERBS[spec.method](spec.path),
    HttpCode(Number(status)),
    RouteConfig(gate),
    RouteSchema(fastifySchema(spec)),
  );
}

const ROLES: Readonly<Record<string, Role>> = {
  consent: 'commands',
  webhooks: 'commands',
  businesses: 'commands',
  keys: 'commands',
  eligibility: 'queries',
  audit: 'queries',
  changes: 'feed',
};

/** By the part of the document that the route stands in. Registers can be read everywhere; health and documents too. */
function roleOf({ tag, method }: RouteSpec): { role?: Role } {
  const role = ROLES[tag];
  const isRegister = tag === 'businesses' && method === 'get';
  return role === undefined || isRegister ? {} : { role };
}

function fastifySchema({ params, query, compiledBody, path }: RouteSpec) {
  return {
    params: paramsSchema(path, params ?? {}),
    ...(query ? { querystring: query } : {}),
    ...(compiledBody ? { body: compiledBody } : {}),
  };
}

const ID: JsonSchema = { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]{0,62}$' };

function paramsSchema(path: string, params: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '');
  return { type: 'object', properties: Object.fromEntries(names.map((name) => [name, params[name] ?? ID])) };
}

/** The document's form of a route. */
export function docOf(spec: RouteSpec): RouteDoc {
  const { access, ...declared } = spec;
  const misled = roleOf(spec).role === undefined ? [] : (['NOT_CONFIGURED'] as const);
  const doc = { ...declared, problems: [...(declared.problems ?? []), ...misled] };
  return access === 'none' ? doc : { ...doc, scope: access };
}
