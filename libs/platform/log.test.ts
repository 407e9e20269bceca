import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createLog, type LogFields, NestLog } from './log.js';
import { maskPersonal } from './log-safety.js';

function logged(
  write: (log: ReturnType<typeof createLog>) => void,
  level: 'debug' | 'info' = 'debug',
): Record<string, unknown>[] {
  const lines: string[] = [];
  write(createLog({ level, destination: { write: (line: string) => void lines.push(line) } }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

function lineOf(fields: LogFields, message = 'something happened'): Record<string, unknown> {
  return logged((log) => log.info(fields, message))[0] ?? {};
}

describe('the log', () => {
  it('writes one line of JSON with level, time and message', () => {
    const line = lineOf({ requestId: 'r-1', status: 200 });
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      requestId: 'r-1',
      status: 200,
      msg: 'something happened',
    });
  });

  it('keeps to its level', () => {
    expect(logged((log) => log.debug({}, 'quiet'), 'info')).toEqual([]);
  });

  it('lets only listed fields out, and of those no objects', () => {
    const line = lineOf({
      body: { phone: '1' },
      headers: { authorization: 'Bearer x' },
      authorization: 'x',
      phone: '1',
      route: { a: 1 },
      status: 200,
    });
    expect(Object.keys(line).sort()).toEqual(['level', 'msg', 'status', 'time']);
  });

  it('cuts the query off a URL', () => {
    expect(lineOf({ url: '/v1/x?phone=123&y=1#z' }).url).toBe('/v1/x');
  });

  it('keeps ids, positions and times as they are', () => {
    const fields = {
      position: 'Kd83hQ0fL2mN.1234567890',
      eventId: '01234567-1234-8123-8123-123456789012',
      durationMs: 1234567890,
      ledgerId: 'a1234567890b',
    };
    expect(lineOf(fields)).toMatchObject(fields);
  });

  it.each([
    '+393331234567',
    '+39 333 123-4567',
    '%2B393331234567',
    '00393331234567',
    '393331234567',
    '＋٣٩٣٣٣١٢٣٤٥٦٧',
    'jane.doe+x@mail.example.org',
    'jane%40example.org',
    'josé@exämple.org',
    'wamid.HBgMMzkzMzMxMjM0NTY3FQIAEhgUM0EA=',
  ])('masks %s in fields, messages and errors', (secret) => {
    const error = new TypeError(`cannot send to ${secret}: refused`, { cause: new Error(secret) });
    const [line] = logged((log) => log.error({ problem: `for ${secret}`, err: error }, `about ${secret} now`));
    expect(JSON.stringify(line)).not.toContain(secret);
    expect(line).toMatchObject({ msg: expect.stringMatching(/^about \[\w+\] now$/), err: { type: 'TypeError' } });
  });

  it('tells of an error its type, code, message, stack and causes, and nothing it carries', () => {
    const error = Object.assign(new Error('the disk is full'), {
      code: 'ENOSPC',
      body: 'private',
      cause: new Error('deeper'),
    });
    const { err } = lineOf({ err: error });
    expect(err).toMatchObject({
      type: 'Error',
      code: 'ENOSPC',
      message: 'the disk is full',
      cause: { message: 'deeper' },
    });
    expect(err).toHaveProperty('stack', expect.stringMatching(/^\s+at /));
    expect(JSON.stringify(err)).not.toContain('private');
  });

  it('does not repeat the text that could not be parsed', () => {
    try {
      JSON.parse('hello bob');
    } catch (error) {
      expect(JSON.stringify(lineOf({ err: error }))).not.toContain('bob');
    }
  });

  it('survives errors that are none, and circular causes', () => {
    const circular = new Error('round');
    circular.cause = circular;
    expect(lineOf({ err: circular })).toHaveProperty('err.cause.cause.cause.message', 'round');
    expect(lineOf({ err: 'just text with a secret' })).toMatchObject({ err: { type: 'string' } });
  });

  it('keeps a finished line JSON where an address follows an escape', () => {
    const line = JSON.stringify({ text: 'a\njane@example.org\\njim@example.org "x@example.org"' });
    expect(JSON.parse(maskPersonal(line))).toEqual({ text: 'a\n[masked]\\[masked] "[masked]"' });
  });

  it('masks any number behind a plus, whatever is around it (fast-check prints its seed on failure)', () => {
    const digits = fc.stringMatching(/^[1-9]\d{6,14}$/);
    fc.assert(
      fc.property(fc.string(), digits, fc.string(), (before, number, after) => {
        expect(maskPersonal(`${before} +${number} ${after}`)).not.toContain(`+${number}`);
      }),
    );
  });
});

describe('NestLog', () => {
  it('writes what Nest says into the same log', () => {
    const lines = logged((log) => {
      const nest = new NestLog(log);
      nest.log('started', 'NestFactory');
      nest.error(new Error('broken'), 'ExceptionsHandler');
      nest.warn('odd');
      nest.verbose('much', 'Router');
      nest.fatal({ any: 'object' });
    });
    expect(lines.map(({ level, msg, context }) => [level, msg, context])).toEqual([
      ['debug', 'started', 'NestFactory'],
      ['error', 'an error reached Nest', 'ExceptionsHandler'],
      ['warn', 'odd', undefined],
      ['debug', 'much', 'Router'],
      ['fatal', 'an error reached Nest', undefined],
    ]);
    expect(lines[1]).toHaveProperty('err.message', 'broken');
  });
});
