import { EventTooLarge, RevisionConflict, StoreUnavailable, type Appended, type NewEvent } from '../port.js';
import type { AppendAnswer, AppendRequest } from './append-messages.js';
import { AppendWindow, type Lane } from './append-window.js';
import type { Connections } from './connections.js';
import { CallFailure } from './failure.js';
import type { Horizon } from './horizon.js';
import { InFlight, type Turn } from './in-flight.js';
import { persist, type TimeLimit } from './persist.js';
import type { Reader } from './reader.js';
import { appendLimitMs, type Terms } from './terms.js';

/**
 * How far back in a stream a repeat is looked for. The streams that are decided from are shorter; what is repeated is
 * among the last events, because whoever repeats has not gone on.
 */
const LOOKED_BACK = 256;

/** How long an append of unknown outcome may still come to be written by a server that was held up. */
const DOUBT_MS = 60_000;

interface Place {
  readonly revision: number;
  readonly n: number;
}

interface Repeat extends Place {
  /** What stands there are these very bytes, and not what another made of the same command. */
  readonly isOurs: boolean;
}

/** What an append holds from its first attempt to its end. */
interface Going {
  leave?: () => void;
  turn?: Turn;
  /** The furthest place that was known before anything of this append was sent. */
  knownBefore?: number;
}

/** One attempt, as far as it is not the first, or not the first of its ids. */
interface Attempt {
  readonly time: TimeLimit;
  readonly isRetry: boolean;
  /** What an earlier one may have written is looked for. */
  readonly isDoubtful: boolean;
  readonly knownBefore: number;
}

/**
 * Appends until the server has answered: the same ids with the same expected revision, which the server takes once
 * however often they come. What the server does not promise is done here: a repeat is told as one, also where another
 * revision is expected now, and an append of which only a part is there is refused.
 */
export class Appender {
  private readonly window: AppendWindow;
  private readonly inFlight = new InFlight();
  private readonly pending = new Set<Promise<unknown>>();
  private refusal: { readonly said: string; readonly untilMs: number } | undefined;
  private inDoubtUntil = 0;

  constructor(
    private readonly connections: Connections,
    private readonly reader: Reader,
    private readonly horizon: Horizon,
    private readonly terms: Terms,
  ) {
    this.window = new AppendWindow(terms.maxInFlight, terms.maxQueued);
  }

  /** Appends that were taken and are not answered yet. */
  get queued(): Readonly<Record<Lane, number>> {
    return this.window.lengths();
  }

  /**
   * Why appends are refused although the server answers; undefined once one was taken, and after a while in any case:
   * where nobody asks who says that it takes none, nobody would ever find out that it does again.
   */
  get problem(): string | undefined {
    return this.refusal && performance.now() < this.refusal.untilMs ? this.refusal.said : undefined;
  }

  /** Whether something that was given up may have been written, or may yet be. */
  get isInDoubt(): boolean {
    return performance.now() < this.inDoubtUntil;
  }

  append(request: AppendRequest, lane: Lane): Promise<Appended> {
    const appended = this.appendOnce(request, lane).finally(() => this.pending.delete(appended));
    this.pending.add(appended);
    return appended;
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.pending);
  }

  private async appendOnce(request: AppendRequest, lane: Lane): Promise<Appended> {
    const going: Going = {};
    try {
      const work = (time: TimeLimit, attempt: number) => this.inTurn(request, lane, going, time, attempt > 0);
      const appended = await persist(work, this.connections.persistence(appendLimitMs(this.terms, lane)));
      going.turn?.end(appended);
      return appended;
    } catch (error) {
      going.turn?.end();
      if (error instanceof StoreUnavailable) this.inDoubtUntil = performance.now() + DOUBT_MS;
      throw error;
    } finally {
      going.leave?.();
    }
  }

  private async inTurn(
    request: AppendRequest,
    lane: Lane,
    going: Going,
    time: TimeLimit,
    isRetry: boolean,
  ): Promise<Appended> {
    going.leave ??= await this.window.enter(lane, time);
    if (!going.turn) {
      const turn = await this.inFlight.enter(request, time);
      if ('replayed' in turn) return { ...turn, replayed: true };
      going.turn = turn;
      going.knownBefore = this.horizon.n;
    }
    // Where no revision is expected a server that was started anew may have forgotten the id that it wrote before.
    const isDoubtful = going.turn.isDoubtful || (isRetry && request.expected === 'any');
    return this.attempt(request, { time, isRetry, isDoubtful, knownBefore: going.knownBefore ?? 0 });
  }

  private async attempt(request: AppendRequest, attempt: Attempt): Promise<Appended> {
    const { time, isRetry, isDoubtful, knownBefore } = attempt;
    if (isDoubtful || isUnguarded(request)) {
      const repeated = await this.findRepeat(request, time);
      // What was broken off may have found nothing for that reason alone, and nobody waits for an answer any more.
      if (time.isOver) throw new CallFailure('busy');
      // The attempt before may be the one that wrote it, and then nothing is repeated.
      if (repeated) return this.appendedAt(repeated, !(isRetry && repeated.isOurs && repeated.n > knownBefore));
    }
    const answer = await this.connections.append(request);
    const place = await this.settle(request, answer, knownBefore, time);
    this.refusal = undefined;
    return this.appendedAt(place, place.n <= knownBefore);
  }

  /** A position that is not after everything known before is that of the first time. */
  private async settle(
    request: AppendRequest,
    answer: AppendAnswer,
    knownBefore: number,
    time: TimeLimit,
  ): Promise<Place> {
    switch (answer.kind) {
      case 'appended': {
        const { revision, n } = answer;
        const isPlain = request.events.length === 1 && n !== undefined && n > knownBefore;
        return isPlain ? { revision, n } : this.readBack(request, revision, time);
      }
      case 'conflict': {
        const repeated = await this.findRepeat(request, time);
        if (repeated) return repeated;
        throw new RevisionConflict(request.stream, request.expected, answer.actual);
      }
      case 'too large':
        throw new EventTooLarge(answer.limitBytes);
      case 'failed':
        if (answer.failure.kind === 'denied') this.noteRefusal(answer.failure.message);
        throw answer.failure;
    }
  }

  private noteRefusal(said: string): void {
    this.refusal = { said, untilMs: performance.now() + this.terms.timeouts.refusalMs };
  }

  /** The place as the ledger itself has it: of a repeat, and of the last of several events, servers may name another. */
  private async readBack(request: AppendRequest, revision: number, time: TimeLimit): Promise<Place> {
    const id = lastIdOf(request);
    const event = await this.reader.eventAt(request.stream, revision, time.signal);
    const place = event?.id === id ? event : await this.findRepeat(request, time);
    if (!place) throw new CallFailure('broken', 'EventStoreDB took an event that is not in its stream');
    return place;
  }

  /**
   * Where these very events stand in the stream in this order with nothing between. Throws `RevisionConflict` where
   * only some of them do, or in another order; undefined where none is there.
   */
  private async findRepeat({ stream, expected, events }: AppendRequest, time: TimeLimit): Promise<Repeat | undefined> {
    const missing = new Map(events.map(({ id }, index) => [id.toLowerCase(), index]));
    const found: (Place | undefined)[] = events.map(() => undefined);
    let actual = 'none';
    let isOurs = true;
    await this.reader.walkBack(stream, LOOKED_BACK, time.signal, (event) => {
      const { id, revision, n } = event;
      if (actual === 'none') actual = String(revision);
      const index = missing.get(id);
      if (index === undefined) return;
      found[index] = { revision, n };
      isOurs &&= isSame(event, events[index]);
      missing.delete(id);
    });
    if (missing.size === events.length) return undefined;
    const first = found[0];
    const isWhole = found.every((place, index) => first && place?.revision === first.revision + index);
    const last = found.at(-1);
    if (!isWhole || !last) throw new RevisionConflict(stream, expected, actual);
    return { ...last, isOurs };
  }

  /** What was acknowledged, now or the first time, no node may lack from now on. */
  private appendedAt({ revision, n }: Place, replayed: boolean): Appended {
    this.horizon.reach(n);
    return { revision: String(revision), position: this.reader.position(n), replayed };
  }
}

/**
 * Where several events are appended and the stream may exist, the server would take some of them a second time beside
 * others: it compares ids only where the revision is not the expected one.
 */
function isUnguarded({ events, expected, keepsRepeats }: AppendRequest): boolean {
  return events.length > 1 && expected !== 'none' && !keepsRepeats;
}

function isSame(one: Pick<NewEvent, 'data' | 'metadata'>, other: NewEvent | undefined): boolean {
  return (['data', 'metadata'] as const).every((part) => other && Buffer.compare(one[part], other[part]) === 0);
}

function lastIdOf({ events }: AppendRequest): string | undefined {
  return events.at(-1)?.id.toLowerCase();
}
