import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const built = fileURLToPath(new URL('../../dist/libs/platform/tick-shape.js', import.meta.url));

/** Jest's own contexts have shapes of their own, so a process looks at its ticks, as the service does. */
const LOOK = `
import { createHook } from 'node:async_hooks';
import { keepTickShape } from ${JSON.stringify(built)};
const kept = keepTickShape();
let tick;
createHook({ init: (id, type, trigger, resource) => type === 'TickObject' && (tick ??= resource) }).enable();
process.nextTick(() => process.stdout.write(String(kept !== undefined && %HaveSameMap(tick, kept))));
`;

it('holds an object of the shape that ticks have', () => {
  const args = ['--allow-natives-syntax', '--input-type=module', '--eval', LOOK];
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe('true');
});
