import { registerDecorator, type ValidationOptions } from 'class-validator';

/** A JSON schema, as far as we look into one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** One kind of value that a DTO may ask for: how it is checked, how it is documented, and what an error says. */
export interface Rule {
  /** In camelCase; errors carry it in SCREAMING_SNAKE. */
  readonly name: string;
  readonly check: (value: unknown) => boolean;
  /** One sentence that names the remedy and no value. */
  readonly message: string;
  readonly schema: JsonSchema;
}

interface Declared {
  readonly target: object;
  readonly property: string;
  readonly schema: JsonSchema;
}

/** What `openapi.ts` documents of the rules; the library cannot read it out of a custom decorator. */
const declared = new Map<string, Declared[]>();

/** Makes a decorator out of a rule. With `{ each: true }` it holds for every entry of a list. */
export function satisfies(rule: Rule, options?: ValidationOptions): PropertyDecorator {
  return (target, propertyKey) => {
    const property = String(propertyKey);
    registerDecorator({
      name: rule.name,
      target: target.constructor,
      propertyName: property,
      options: { ...options, context: { message: rule.message } },
      validator: { validate: rule.check, defaultMessage: () => rule.message },
    });
    const owners = declared.get(rule.name) ?? [];
    declared.set(rule.name, [...owners, { target: target.constructor, property, schema: rule.schema }]);
  };
}

/** The schema that a rule gives to one property; that of a superclass counts too. */
export function ruleSchema(name: string, target: object, property: string): JsonSchema | undefined {
  const owners = declared.get(name)?.filter((entry) => entry.property === property) ?? [];
  return owners.find((entry) => isOrExtends(target, entry.target))?.schema;
}

export function ruleNames(): readonly string[] {
  return [...declared.keys()];
}

function isOrExtends(target: object, base: object): boolean {
  return target === base || Object.prototype.isPrototypeOf.call(base, target);
}
