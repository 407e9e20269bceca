import type { JsonSchema } from './decorators.js';
import { type ErrorCode, ERRORS } from './errors.js';
import { type DtoClass, DtoSchemas } from './openapi-dto.js';
import { REF_PREFIX, SHARED_SCHEMAS } from './openapi-shared.js';

export type { DtoClass };

export interface ResponseDoc {
  readonly description: string;
  /** Absent: no body, or one that is no JSON and needs no schema. */
  readonly schema?: JsonSchema | DtoClass;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One route as it is documented. Its schemas are the very ones that validate: DTO classes or compiled JSON schemas. */
export interface RouteDoc {
  readonly method: 'get' | 'put' | 'post' | 'delete';
  /** With parameters in braces or, as routers write them, behind a colon: `/v1/businesses/{businessId}/grants`. */
  readonly path: string;
  /** Unique; clients are generated under this name. */
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  /** Absent: no key is needed. `admin` where only the admin key will do. */
  readonly scope?: string;
  /** Schemas by parameter; absent ones of the path are ids. */
  readonly params?: Readonly<Record<string, JsonSchema>>;
  /** An object schema whose properties are the parameters. */
  readonly query?: JsonSchema;
  readonly headers?: Readonly<Record<string, JsonSchema>>;
  readonly body?: JsonSchema | DtoClass;
  readonly bodyType?: string;
  readonly responses: Readonly<Record<number, ResponseDoc>>;
  /** Errors of this route beside those that every route of its kind has. */
  readonly problems?: readonly ErrorCode[];
}

export interface ApiInfo {
  readonly version: string;
  /** How the world reaches the service. */
  readonly publicUrl?: string;
  readonly title?: string;
  readonly description?: string;
}

export type OpenApiDocument = Readonly<Record<string, unknown>>;

/** The OpenAPI 3.1 document of these routes. */
export function buildOpenApi(routes: readonly RouteDoc[], info: ApiInfo): OpenApiDocument {
  const dtos = new DtoSchemas();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = (paths[bracedPath(route.path)] ??= {});
    path[route.method] = operationOf(route, dtos);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: info.title ?? 'Consent Ledger',
      version: info.version,
      ...(info.description === undefined ? {} : { description: info.description }),
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: info.publicUrl ?? '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key of the business, or the admin key.' },
      },
      schemas: { ...SHARED_SCHEMAS, ...dtos.all() },
    },
  };
}

function bracedPath(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}

function operationOf(route: RouteDoc, dtos: DtoSchemas): Record<string, unknown> {
  const scope =
    route.scope === undefined
      ? []
      : [`Needs ${route.scope === 'admin' ? 'the admin key' : `scope \`${route.scope}\``}.`];
  const description = [...(route.description === undefined ? [] : [route.description]), ...scope].join('\n\n');
  const parameters = parametersOf(route);
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(description === '' ? {} : { description }),
    tags: [route.tag],
    security: route.scope === undefined ? [] : [{ key: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body ? { requestBody: { required: true, content: contentOf(route.body, route.bodyType, dtos) } } : {}),
    responses: { ...answersOf(route, dtos), ...problemsOf(route) },
  };
}

const ID_SCHEMA: JsonSchema = { $ref: `${REF_PREFIX}Id` };

function parametersOf({ path, params = {}, query = {}, headers = {} }: RouteDoc): unknown[] {
  const names = [...bracedPath(path).matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  const required = new Set(Array.isArray(query.required) ? (query.required as unknown[]) : []);
  const properties = Object.entries((query.properties ?? {}) as Record<string, JsonSchema>);
  return [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: params[name] ?? ID_SCHEMA })),
    ...properties.map(([name, schema]) => ({ name, in: 'query', required: required.has(name), schema })),
    ...Object.entries(headers).map(([name, schema]) => ({ name, in: 'header', schema })),
  ];
}

function contentOf(
  schema: JsonSchema | DtoClass,
  type = 'application/json',
  dtos: DtoSchemas,
): Record<string, unknown> {
  return { [type]: { schema: typeof schema === 'function' ? dtos.refTo(schema) : schema } };
}

function answersOf({ responses }: RouteDoc, dtos: DtoSchemas): Record<string, unknown> {
  const answers = Object.entries(responses).map(([status, { description, schema, contentType, headers }]) => {
    const content = schema ? { content: contentOf(schema, contentType, dtos) } : {};
    return [status, { description, ...content, ...(headers ? { headers: headersOf(headers) } : {}) }];
  });
  return Object.fromEntries(answers) as Record<string, unknown>;
}

function headersOf(headers: Readonly<Record<string, string>>): Record<string, unknown> {
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.map(([name, description]) => [name, { description, schema: { type: 'string' } }]));
}

const PROBLEM_HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'WWW-Authenticate': '`Bearer`.' },
  503: { 'Retry-After': 'Seconds after which the same request may succeed; absent where waiting does not help.' },
};

/** One entry for each status, which names its codes. */
function problemsOf(route: RouteDoc): Record<string, unknown> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set([...usualProblems(route), ...(route.problems ?? [])])) {
    const { http } = ERRORS[code];
    byStatus.set(http, [...(byStatus.get(http) ?? []), code]);
  }
  const content = { 'application/problem+json': { schema: { $ref: `${REF_PREFIX}Problem` } } };
  const entries = [...byStatus].map(([status, codes]) => {
    const headers = PROBLEM_HEADERS[status];
    const described = { description: codes.join(', '), content };
    return [status, headers ? { ...described, headers: headersOf(headers) } : described] as const;
  });
  return Object.fromEntries(entries.filter(([status]) => !(status in route.responses)));
}

function usualProblems({ body, scope }: RouteDoc): ErrorCode[] {
  return [
    'VALIDATION_FAILED',
    ...(scope === undefined ? [] : (['UNAUTHENTICATED', 'FORBIDDEN'] as const)),
    ...(body === undefined ? [] : (['BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const)),
    'INTERNAL',
    'OVERLOADED',
    // Keys are in the vault, and whatever comes while the service stops is told so.
    'LEDGER_UNAVAILABLE',
  ];
}
