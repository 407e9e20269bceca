import { describe, expect, it } from '@jest/globals';
import { UnderWay } from './under-way.js';

describe('opt-outs of one person that are recorded at the same time', () => {
  const stuck = () => {
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    return { end, ended };
  };

  it('are recorded in the order in which they came, and those of others beside them', async () => {
    const underWay = new UnderWay();
    const [first, done] = [stuck(), [] as string[]];
    const record = (who: string, name: string, until?: Promise<void>) =>
      underWay.recordingInTurn(who, async () => {
        await until;
        done.push(name);
      });
    const all = [record('ada', 'first', first.ended), record('ada', 'second'), record('ada', 'third')];
    await record('bea', 'hers');
    first.end();
    await Promise.all(all);
    expect(done).toEqual(['hers', 'first', 'second', 'third']);
  });

  it('go on where one of them fails', async () => {
    const underWay = new UnderWay();
    const fails = underWay.recordingInTurn('ada', () => Promise.reject(new Error('no')));
    const goesOn = underWay.recordingInTurn('ada', async () => 'recorded');
    await expect(fails).rejects.toThrow('no');
    await expect(goesOn).resolves.toBe('recorded');
  });

  it('do not wait for ever for one that is stuck', async () => {
    const underWay = new UnderWay(1);
    const first = stuck();
    const held = underWay.recordingInTurn('ada', () => first.ended);
    await expect(underWay.recordingInTurn('ada', async () => 'recorded')).resolves.toBe('recorded');
    first.end();
    await held;
  });
});
