import type { Appended } from '../port.js';
import type { AppendRequest } from './append-messages.js';
import { CallFailure } from './failure.js';
import type { TimeLimit } from './persist.js';

/** The ids of one append while it is on its way. */
export interface Turn {
  /** Another append of some of these ids was waited for and failed: what became of it, only the stream tells. */
  readonly isDoubtful: boolean;
  /** Lets the next one go; without an answer where this one failed. */
  end(answer?: Appended): void;
}

interface Held {
  readonly ids: string;
  /** Resolves to the answer; undefined where it failed. Never rejects. */
  readonly ended: Promise<Appended | undefined>;
}

/**
 * Appends of this process that are on their way, by stream and id. Of two that carry the same id the second waits for
 * the first: at the same time the server would answer both alike, and nobody could tell which of them wrote.
 */
export class InFlight {
  private readonly held = new Map<string, Held>();

  /**
   * Resolves to a turn, or to the answer of an append of these very ids that was on its way and succeeded. Rejects when
   * its time is over.
   */
  async enter(request: AppendRequest, time: TimeLimit): Promise<Turn | Appended> {
    const keys = request.events.map(({ id }) => `${id.toLowerCase()} ${request.stream}`);
    const ids = keys.join('\n');
    let isDoubtful = false;
    for (let other = this.holderOf(keys); other; other = this.holderOf(keys)) {
      const answer = await other.ended;
      // Whose time ended meanwhile has gone, and would hold its ids for ever.
      if (time.isOver) throw new CallFailure('busy');
      if (answer && other.ids === ids) return answer;
      isDoubtful ||= answer === undefined;
    }
    return this.hold(keys, ids, isDoubtful);
  }

  private holderOf(keys: readonly string[]): Held | undefined {
    for (const key of keys) {
      const holder = this.held.get(key);
      if (holder) return holder;
    }
    return undefined;
  }

  private hold(keys: readonly string[], ids: string, isDoubtful: boolean): Turn {
    let tell: (answer?: Appended) => void = () => undefined;
    const ended = new Promise<Appended | undefined>((resolve) => (tell = resolve));
    for (const key of keys) this.held.set(key, { ids, ended });
    const end = (answer?: Appended) => {
      for (const key of keys) this.held.delete(key);
      tell(answer);
    };
    return { isDoubtful, end };
  }
}
