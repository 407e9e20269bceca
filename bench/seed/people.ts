/** Who the benchmarks are about: the same people at every run, told apart by their number alone. */

/** What a person did, in this order. */
export type Act = 'grant' | 'message' | 'stop';
export type Story = readonly Act[];

/** The business that asks, and the question that the checks ask about everybody. */
export const BUSINESS = 'acme';
export const TOPIC = { channel: 'whatsapp', purpose: 'offers' } as const;
export const SENDER = 'main';
export const DISCLOSURE = { id: 'web', version: 1 } as const;

/** Every tenth person of a kind: most agreed, some of them wrote lately, some said stop, some only ever wrote. */
const LIVES: readonly Story[] = [
  ['grant'],
  ['grant'],
  ['grant', 'message'],
  ['grant'],
  ['grant', 'stop'],
  ['grant'],
  ['grant', 'message'],
  ['message'],
  ['grant'],
  ['grant', 'stop', 'grant'],
];

export function storyOf(n: number): Story {
  return LIVES[n % LIVES.length] as Story;
}

/** Five events a person, for the ledger that a view is rebuilt from: windows, a stop in between, a change of mind. */
export const FIVE_EVENTS: Story = ['grant', 'message', 'stop', 'message', 'grant'];

/** Whether the question is to be answered yes: the last word counts, and writing alone is not consent. */
export function isEligible(story: Story): boolean {
  return story.findLast((act) => act !== 'message') === 'grant';
}

const FIRST_LINE = 3_300_000_000;

/** An Italian mobile number in E.164. */
export function phoneOf(n: number): string {
  return `+39${FIRST_LINE + n}`;
}

/** A large prime, so that neighbours in the order are strangers in the ledger. */
const STRIDE = 7_919;

/** The n-th of so many people in an order that jumps about and leaves nobody out. */
export function shuffled(n: number, people: number): number {
  return (n * STRIDE) % people;
}

/** The n-th to be asked about: anybody, as if at random, and the same ones in every run (the finaliser of MurmurHash3). */
export function anybody(n: number, people: number): number {
  let hash = Math.imul(n ^ (n >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % people;
}
