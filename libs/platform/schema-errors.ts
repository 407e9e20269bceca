import type { FieldError } from './errors.js';
import { fieldPath, WHOLE_BODY } from './field-path.js';

const MOST_ERRORS = 50;

/** One finding of a compiled JSON schema, as Ajv gives it. Only what the schema's author wrote is ever repeated. */
interface SchemaFinding {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The findings of a Fastify validation error as field errors, with names such as `checks[3].recipient.phone`. */
export function schemaErrors(error: object): FieldError[] {
  const findings: unknown[] = 'validation' in error && Array.isArray(error.validation) ? error.validation : [];
  const whole = 'validationContext' in error && error.validationContext === 'body' ? WHOLE_BODY : 'request';
  return findings.slice(0, MOST_ERRORS).map((finding) => fieldErrorOf(readFinding(finding), whole));
}

function readFinding(finding: unknown): SchemaFinding {
  const { instancePath, keyword, params } = { ...(finding as Partial<SchemaFinding> | null) };
  return {
    instancePath: typeof instancePath === 'string' ? instancePath : '',
    keyword: typeof keyword === 'string' ? keyword : '',
    params: typeof params === 'object' && params !== null ? params : {},
  };
}

function fieldErrorOf(finding: SchemaFinding, whole: string): FieldError {
  const parent = pathOf(finding.instancePath);
  const { missingProperty, additionalProperty } = finding.params;
  const child = missingProperty ?? additionalProperty;
  const field = typeof child === 'string' ? fieldPath(parent, child) : parent;
  const [code, message] = wordsFor(finding);
  return { field: field === '' ? whole : field, code, message };
}

/** `/checks/3/recipient/phone` → `checks[3].recipient.phone` */
function pathOf(instancePath: string): string {
  const segments = instancePath.split('/').slice(1);
  return segments.reduce((path, segment) => {
    const key = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    return fieldPath(path, /^\d{1,9}$/.test(key) && path !== '' ? Number(key) : key);
  }, '');
}

/** Codes are those of the decorators that say the same, so that a caller meets one vocabulary on every route. */
function wordsFor({ keyword, params }: SchemaFinding): readonly [string, string] {
  switch (keyword) {
    case 'required':
    case 'dependentRequired':
      return ['REQUIRED', 'This field is required.'];
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return ['UNKNOWN_FIELD', 'There is no such field here.'];
    case 'type':
      return [`IS_${screaming(listOf(params.type))}`, `Must be of type ${listOf(params.type)}.`];
    case 'enum':
      return ['IS_IN', `Must be one of: ${listOf(params.allowedValues)}.`];
    case 'pattern':
      return ['MATCHES', 'Has not the required form.'];
    case 'format':
      return ['FORMAT', `Must have the form ${listOf(params.format)}.`];
    default:
      return limitWords(keyword, listOf(params.limit)) ?? ['NOT_VALID', 'Is not valid.'];
  }
}

const LIMIT_WORDS: Readonly<Record<string, (limit: string) => readonly [string, string]>> = {
  maxLength: (limit) => ['MAX_LENGTH', `Must have at most ${limit} characters.`],
  minLength: (limit) => ['MIN_LENGTH', `Must have at least ${limit} characters.`],
  maxItems: (limit) => ['ARRAY_MAX_SIZE', `Must have at most ${limit} entries.`],
  minItems: (limit) => ['ARRAY_MIN_SIZE', `Must have at least ${limit} entries.`],
  maxProperties: (limit) => ['MAX_FIELDS', `Must have at most ${limit} fields.`],
  minProperties: (limit) => ['MIN_FIELDS', `Must have at least ${limit} fields.`],
  maximum: (limit) => ['MAX', `Must be at most ${limit}.`],
  minimum: (limit) => ['MIN', `Must be at least ${limit}.`],
};

function limitWords(keyword: string, limit: string): readonly [string, string] | undefined {
  return Object.hasOwn(LIMIT_WORDS, keyword) ? LIMIT_WORDS[keyword]?.(limit) : undefined;
}

function listOf(value: unknown): string {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((item) => typeof item === 'string' || typeof item === 'number').join(', ');
}

function screaming(text: string): string {
  return text.toUpperCase().replaceAll(/[^A-Z]+/g, '_');
}
