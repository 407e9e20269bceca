import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, pino } from 'pino';
import type { LOG_LEVELS } from './config-variables.js';
import { maskPersonal, maskText, safeFields } from './log-safety.js';

export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a line may carry beside its message. Fields that are not on the list of `log-safety.ts` are left out. */
export type LogFields = Readonly<Record<string, unknown>>;

/** JSON lines, one for each call. Messages are fixed sentences: what varies goes into fields. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  fatal(fields: LogFields, message: string): void;
}

/**
 * The service's log, on stdout unless a destination is given. Two fences keep people out of it: only listed fields
 * pass, and whatever still looks like a phone number, an e-mail address or a `wamid` is masked in the finished line.
 */
export function createLog(options: { readonly level: LogLevel; readonly destination?: DestinationStream }): Log {
  const destination = options.destination ?? pino.destination({ fd: 1, sync: true });
  const settings: pino.LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    // The serialiser of errors is part of safeFields; pino's own would print their every property.
    serializers: { err: (value: unknown) => value },
    formatters: { level: (label) => ({ level: label }), log: safeFields },
    hooks: { streamWrite: maskPersonal, logMethod: maskMessage },
  };
  return pino(settings, destination);
}

function maskMessage(this: pino.Logger, args: Parameters<pino.LogFn>, method: pino.LogFn): void {
  const [fields, message, ...more] = args;
  method.apply(this, [fields, message === undefined ? message : maskText(message), ...more]);
}

/** Lets Nest write into the same log. Its third argument is the name of the class that speaks. */
export class NestLog implements LoggerService {
  constructor(private readonly target: Log) {}

  /** Nest tells every route that it maps: of use to who debugs it, not to who runs the service. */
  log(message: unknown, ...more: unknown[]): void {
    this.write('debug', message, more);
  }

  error(message: unknown, ...more: unknown[]): void {
    this.write('error', message, more);
  }

  warn(message: unknown, ...more: unknown[]): void {
    this.write('warn', message, more);
  }

  debug(message: unknown, ...more: unknown[]): void {
    this.write('debug', message, more);
  }

  verbose(message: unknown, ...more: unknown[]): void {
    this.write('debug', message, more);
  }

  fatal(message: unknown, ...more: unknown[]): void {
    this.write('fatal', message, more);
  }

  private write(level: keyof Log, message: unknown, more: readonly unknown[]): void {
    const context = more.filter((item) => typeof item === 'string').at(-1);
    const err = message instanceof Error ? message : more.find((item) => item instanceof Error);
    const text = typeof message === 'string' ? message : 'an error reached Nest';
    this.target[level]({ ...(context === undefined ? {} : { context }), ...(err ? { err } : {}) }, text);
  }
}
