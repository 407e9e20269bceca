import { describe, expect, it } from '@jest/globals';
import { Turns, type Turn } from './turns.js';

describe('turns', () => {
  it('go to so many at once, and then in the order in which they were asked for', async () => {
    const turns = new Turns(2, 60_000);
    const [first, second] = [await turns.take(), await turns.take()];
    const order: string[] = [];
    const later = ['third', 'fourth'].map(async (name) => {
      const turn = await turns.take();
      order.push(name);
      return turn;
    });
    second.end();
    second.end();
    (await later[0])?.end();
    await Promise.all(later);
    first.end();
    expect(order).toEqual(['third', 'fourth']);
  });

  it('are taken from who holds one for too long, where others wait, and from nobody else', async () => {
    const turns = new Turns(1, 5);
    const lost: string[] = [];
    const holding = await turns.take();
    holding.hold(() => lost.push('first'));
    const next: Turn = await turns.take();
    expect(lost).toEqual(['first']);
    next.hold(() => lost.push('second'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(lost).toEqual(['first']);
    holding.end();
    next.end();
    expect(await turns.take()).toBeDefined();
  });
});
