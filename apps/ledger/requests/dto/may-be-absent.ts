import { ValidateIf } from 'class-validator';

/**
 * The field may be left out, but not be null, which `@IsOptional()` would let through: it would be stored as if it had
 * been a value, and a sender bound to null would stand in the way of the next one.
 */
export function MayBeAbsent(): PropertyDecorator {
  return ValidateIf((_dto: object, value: unknown) => value !== undefined);
}
