import { Ajv2020 as Ajv, type ValidateFunction } from 'ajv/dist/2020.js';
import type { JsonSchema } from './schema-parts.js';
import { SCHEMAS, type RecordName } from './schemas.js';

const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, strictRequired: false });

const validators = compileAll((schema) => schema);
const closedValidators = compileAll((schema) => ({ ...closed(schema), $id: `${String(schema.$id)}:closed` }));

/** What is wrong with a record that anybody may have written, by its JSON Schema; later members are allowed. */
export function faultsIn(record: RecordName, value: unknown): readonly string[] {
  return faultsOf(validators[record], value);
}

/** What is wrong with a record that this version wrote: it may hold no member that the schema does not describe. */
export function faultsInOwn(record: RecordName, value: unknown): readonly string[] {
  return faultsOf(closedValidators[record], value);
}

function faultsOf(validate: ValidateFunction, value: unknown): readonly string[] {
  validate(value);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

function compileAll(change: (schema: JsonSchema) => JsonSchema): Readonly<Record<RecordName, ValidateFunction>> {
  const validators = Object.entries(SCHEMAS).map(([name, schema]) => [name, ajv.compile(change(schema))]);
  return Object.fromEntries(validators) as Readonly<Record<RecordName, ValidateFunction>>;
}

function closed(schema: JsonSchema): JsonSchema {
  const { properties, items } = schema;
  return {
    ...schema,
    ...(isSchema(items) ? { items: closed(items) } : {}),
    ...(isSchema(properties) ? { properties: closedMembers(properties), additionalProperties: false } : {}),
  };
}

function closedMembers(properties: JsonSchema): JsonSchema {
  const members = Object.entries(properties).map(([name, schema]) => [
    name,
    isSchema(schema) ? closed(schema) : schema,
  ]);
  return Object.fromEntries(members) as JsonSchema;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null;
}
