import { HOUR_MS, addMs, instantOf, type Instant } from '#consent';
import type { Progress } from '../harness/progress.js';
import { shuffled, type Story } from './people.js';
import { SeedWriter } from './writer.js';

export interface SeedPlan {
  readonly dataDir: string;
  readonly people: number;
  readonly storyOf: (n: number) => Story;
}

/** Appends under way at once: enough that the store commits many together. */
const IN_FLIGHT = 1_024;
/** Everything happened in the hours before the run, so that windows are open and nothing lies ahead. */
const BEGAN_MS_AGO = 6 * HOUR_MS;

/**
 * Fills a data directory that the service has founded. Everybody's first act comes before anybody's second, so that
 * a person's events lie as far apart in the ledger as in life. Answers how many events there are, and everybody's id.
 */
export async function seed(plan: SeedPlan, progress: Progress): Promise<{ events: number; recipientIds: string[] }> {
  const writer = await SeedWriter.open(plan.dataDir);
  try {
    const began = instantOf(Date.now() - BEGAN_MS_AGO);
    const acts = [...actsOf(plan)];
    const queue = { next: 0 };
    const lane = async () => {
      for (let at = queue.next++; at < acts.length; at = queue.next++) {
        const { person, act } = acts[at] as Done;
        await writer.act(person, act, timeOf(began, at));
        progress.count(`writing ${acts.length.toLocaleString('en-GB')} events`, at, acts.length);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    return { events: acts.length, recipientIds: Array.from({ length: plan.people }, (_, n) => writer.recipientId(n)) };
  } finally {
    await writer.close();
  }
}

interface Done {
  readonly person: number;
  readonly act: Story[number];
}

function* actsOf({ people, storyOf }: SeedPlan): Generator<Done> {
  for (let chapter = 0, some = true; some; chapter++) {
    some = false;
    for (let n = 0; n < people; n++) {
      const person = shuffled(n, people);
      const act = storyOf(person)[chapter];
      if (act === undefined) continue;
      some = true;
      yield { person, act };
    }
  }
}

/** A hundred events in a millisecond at most, in the order of the ledger. */
const EVENTS_PER_MS = 100;

function timeOf(began: Instant, event: number): Instant {
  return addMs(began, 1_000 + Math.floor(event / EVENTS_PER_MS));
}
