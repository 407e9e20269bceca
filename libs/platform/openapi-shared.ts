import type { JsonSchema } from './decorators.js';
import { ERRORS } from './errors.js';

export const REF_PREFIX = '#/components/schemas/';

/** Schemas that every document has. */
export const SHARED_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Id: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]{0,62}$' },
  FieldError: {
    type: 'object',
    description: 'What is wrong with one field. The message names the remedy and never the value.',
    properties: {
      field: { type: 'string', examples: ['checks[3].recipient.phone'] },
      code: { type: 'string', examples: ['REQUIRED'] },
      message: { type: 'string' },
    },
    required: ['field', 'code', 'message'],
  },
  Problem: {
    type: 'object',
    description: 'RFC 9457 Problem Details.',
    properties: {
      type: { type: 'string', format: 'uri' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      code: { type: 'string', enum: Object.keys(ERRORS) },
      errors: { type: 'array', items: { $ref: `${REF_PREFIX}FieldError` } },
      instance: { type: 'string', format: 'uri', description: 'Names the request.' },
    },
    required: ['type', 'title', 'status', 'detail', 'code'],
  },
};
