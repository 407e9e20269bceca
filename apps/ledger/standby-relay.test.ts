import { afterEach, describe, expect, it } from '@jest/globals';
import type { Relay } from '#relay';
import type { Term } from '#view';
import { StandbyRelay } from './standby-relay.js';

/** Chooses when it is told to. */
class Told {
  #chosen = new AbortController();
  #wanted: (() => void) | undefined;
  terms = 0;

  stand(signal: AbortSignal): Promise<Term> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
      this.#wanted = () => resolve({ over: this.#chosen.signal, resign: async () => void (this.terms += 1) });
    });
  }

  choose(): void {
    this.#chosen = new AbortController();
    this.#wanted?.();
  }

  end(): void {
    this.#chosen.abort();
  }
}

const turns = () => new Promise((resolve) => setTimeout(resolve, 0));

describe('a relay that stands by', () => {
  const election = new Told();
  const running = new Set<Relay>();
  let started = 0;
  const start = async (): Promise<Relay> => {
    started += 1;
    const relay: Relay = {
      status: () => ({ leader: true, lanes: [], parked: 0, healed: 0, warnings: [] }),
      close: async () => void running.delete(relay),
    };
    running.add(relay);
    return relay;
  };
  let standby: StandbyRelay;
  afterEach(() => standby.close());

  it('runs while it is chosen, and each time anew', async () => {
    standby = new StandbyRelay(election, start);
    await turns();
    expect([started, standby.status().leader]).toStrictEqual([0, false]);
    for (const time of [1, 2]) {
      election.choose();
      await turns();
      expect([started, running.size, standby.status().leader]).toStrictEqual([time, 1, true]);
      election.end();
      await turns();
      expect([running.size, election.terms, standby.status().leader]).toStrictEqual([0, time, false]);
    }
    election.choose();
    await turns();
    await standby.close();
    expect(running.size).toBe(0);
  });

  it('leaves the place where it lost its lease, and stands for it anew', async () => {
    const place = new Told();
    const lose: (() => void)[] = [];
    standby = new StandbyRelay(place, (onLost) => (lose.push(onLost), start()));
    await turns();
    for (const time of [1, 2]) {
      place.choose();
      await turns();
      expect([running.size, standby.status().leader]).toStrictEqual([1, true]);
      lose.at(-1)?.();
      await turns();
      expect([running.size, place.terms, standby.status().leader]).toStrictEqual([0, time, false]);
    }
  });

  it('says why it cannot begin, and leaves the place to others', async () => {
    const broken = new Told();
    standby = new StandbyRelay(broken, () => Promise.reject(new Error('no disk')));
    await turns();
    broken.choose();
    await turns();
    expect(standby.status()).toMatchObject({ leader: false, problem: 'no disk' });
    broken.end();
    await turns();
    expect(broken.terms).toBe(1);
  });

  it('leaves the place to others also where it does not end well, and begins again when it is chosen', async () => {
    const place = new Told();
    const endsBadly = async () => ({ ...(await start()), close: () => Promise.reject(new Error('no broker')) });
    standby = new StandbyRelay(place, endsBadly);
    await turns();
    for (const time of [1, 2]) {
      place.choose();
      await turns();
      expect(standby.status().leader).toBe(true);
      place.end();
      await turns();
      expect([place.terms, standby.status().leader]).toStrictEqual([time, false]);
      expect(standby.status().problem).toBe('no broker');
    }
  });
});
