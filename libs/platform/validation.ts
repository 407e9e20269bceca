import 'reflect-metadata';
import { type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import type { FieldError } from './errors.js';
import { fieldPath, WHOLE_BODY } from './field-path.js';
import { invalid } from './http-problem.js';
import { constraintMessage } from './validation-messages.js';

type Class<T extends object = object> = new () => T;

const MOST_ERRORS = 50;
const NO_CLASS: readonly unknown[] = [Object, Array, String, Number, Boolean];

/**
 * Turns a parsed body into its DTO, or throws `VALIDATION_FAILED` naming every field that is wrong. Fields that the
 * class does not declare are refused, so that a misspelt one is never silently ignored.
 */
export class ValidationPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    const checked = type === 'body' && metatype !== undefined && !NO_CLASS.includes(metatype);
    return checked ? validated(metatype as Class, value) : value;
  }
}

/** The same for callers without Nest. `value` must come from `readStrictJson`: prototype keys are gone by then. */
export function validated<T extends object>(dto: Class<T>, value: unknown): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notAnObject();
  const instance = plainToInstance(dto, value);
  const findings = validateSync(instance, {
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    validationError: { target: false },
  });
  if (findings.length > 0) throw invalid(fieldErrors(findings, ''));
  return instance;
}

function notAnObject() {
  return invalid([{ field: WHOLE_BODY, code: 'IS_OBJECT', message: 'Send a JSON object.' }]);
}

function fieldErrors(findings: readonly ValidationError[], parent: string): FieldError[] {
  return once(findings.flatMap((finding) => errorsOf(finding, parent))).slice(0, MOST_ERRORS);
}

function errorsOf(finding: ValidationError, parent: string): FieldError[] {
  const { property, constraints = {}, contexts, children = [] } = finding;
  // Entries of a list are reported as properties named by their index.
  const field =
    /^\d{1,9}$/.test(property) && parent !== '' ? fieldPath(parent, Number(property)) : fieldPath(parent, property);
  const failed = Object.entries(constraints);
  // What a field must be is of no interest where there is none, and whoever left it out is told so on every route alike.
  const named = failed.length > 0 && finding.value === undefined ? [['isDefined', ''] as const] : failed;
  const own = named.map(([name, sentence]) => ({
    field,
    ...constraintMessage(name, contexts?.[name] as unknown, sentence),
  }));
  return [...own, ...fieldErrors(children, field)];
}

/** Two constraints may say the same of one field, such as that it is no object. */
function once(errors: readonly FieldError[]): FieldError[] {
  return [...new Map(errors.map((error) => [`${error.field} ${error.code}`, error])).values()];
}
