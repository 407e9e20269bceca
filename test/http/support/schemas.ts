import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Json } from './acme.js';

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Json }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly content?: Readonly<Record<string, { readonly schema?: Json }>>;
        readonly headers?: Json;
      }
    >
  >;
}

export interface OpenApi {
  readonly openapi: string;
  readonly info: Json;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>>; readonly securitySchemes: Json };
}

const FORMATS = {
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  uri: /^[a-z][a-z0-9+.-]*:\S+$/,
};

/** Validates values by the schemas of a document, which are JSON Schema 2020-12 as OpenAPI 3.1 has it. */
export function validatorOf(document: OpenApi): (schema: Json, value: unknown) => readonly string[] {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allErrors: true,
    formats: FORMATS,
  });
  ajv.addVocabulary(['components']);
  ajv.addSchema({ $id: 'openapi', components: document.components }, 'openapi', undefined, false);
  return (schema, value) => {
    const validate = ajv.compile(absolute(schema) as Json);
    validate(value);
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`);
  };
}

/** References of the document as references from outside of it. */
function absolute(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(absolute);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]: [string, unknown]) =>
      key === '$ref' && typeof value === 'string' ? [key, `openapi${value}`] : [key, absolute(value)],
    ),
  );
}
