import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, ValidationTypes } from 'class-validator';
import { targetConstructorToSchema } from 'class-validator-jsonschema';
import { type JsonSchema, ruleNames, ruleSchema } from './decorators.js';
import { REF_PREFIX } from './openapi-shared.js';

/** A class whose properties carry validation decorators. */
export type DtoClass = new () => object;

type Options = NonNullable<Parameters<typeof targetConstructorToSchema>[1]>;
type Converters = NonNullable<Options['additionalConverters']>;
type Converter = Extract<Converters[string], (...args: never[]) => unknown>;
type PropertyMetadata = Parameters<Converter>[0];

/** Collects the schemas of DTO classes and of the classes nested in them, each once. */
export class DtoSchemas {
  private readonly schemas = new Map<string, JsonSchema>();
  private readonly classes = new Map<string, DtoClass>();

  /** A reference to the schema of the class, which `all()` then contains. */
  refTo(dto: DtoClass): JsonSchema {
    const name = dto.name;
    const known = this.classes.get(name);
    if (known !== undefined && known !== dto) throw new Error(`Two classes of the API are called ${name}.`);
    if (known === undefined) {
      this.classes.set(name, dto);
      this.schemas.set(name, this.schemaOf(dto));
    }
    return { $ref: REF_PREFIX + name };
  }

  all(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries(this.schemas);
  }

  private schemaOf(dto: DtoClass): JsonSchema {
    const schema = targetConstructorToSchema(dto, {
      classValidatorMetadataStorage: getMetadataStorage(),
      refPointerPrefix: REF_PREFIX,
      additionalConverters: {
        ...ruleConverters(),
        ...LISTS,
        [ValidationTypes.NESTED_VALIDATION]: (meta) => this.nested(meta),
      },
    });
    // The pipe refuses fields that the class does not declare.
    return { ...(adapt(schema) as JsonSchema), additionalProperties: false };
  }

  private nested(meta: PropertyMetadata) {
    return this.refTo(nestedClass(meta));
  }
}

/** Asks class-transformer itself what it makes of an object in that place, since it does not publish its metadata. */
function nestedClass({ target, propertyName }: PropertyMetadata): DtoClass {
  const made = plainToInstance(target as DtoClass, { [propertyName]: {} }) as Record<string, object | undefined>;
  const type = made[propertyName]?.constructor;
  if (type === undefined || type === Object) throw new Error(`${propertyName} needs @Type() to be documented.`);
  return type as DtoClass;
}

/** The library knows our own rules only by name. */
function ruleConverters(): Converters {
  const convert: Converter = ({ type, target, propertyName }) => ({
    ...ruleSchema(type, target as object, propertyName),
  });
  return Object.fromEntries(ruleNames().map((name) => [name, convert]));
}

/** The library gives lists an empty `items`, which would hide what `each` says of the entries. */
const LISTS: Converters = {
  isArray: { type: 'array' },
  arrayUnique: { type: 'array', uniqueItems: true },
  arrayNotEmpty: { type: 'array', minItems: 1 },
  arrayMinSize: ({ constraints }) => ({ type: 'array', minItems: firstNumber(constraints) }),
  arrayMaxSize: ({ constraints }) => ({ type: 'array', maxItems: firstNumber(constraints) }),
};

function firstNumber(constraints: unknown): number {
  return Number((constraints as readonly unknown[])[0]);
}

/** OpenAPI 3.0 schemas as 3.1 has them: JSON Schema 2020-12, without `nullable`, `example` and what says nothing. */
function adapt(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(adapt);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { nullable, example, not, ...rest } = schema as Record<string, unknown>;
  const adapted = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, adapt(value)]));
  return {
    ...adapted,
    ...(nullable === true && typeof rest.type === 'string' ? { type: [rest.type, 'null'] } : {}),
    ...(example === undefined ? {} : { examples: [example] }),
    ...(not === undefined || saysNotNull(not) ? {} : { not: adapt(not) }),
  };
}

/** `@IsDefined()` comes out as "not null", which `required` and the type already say. */
function saysNotNull(not: unknown): boolean {
  return typeof not === 'object' && not !== null && 'type' in not && not.type === 'null';
}
