import { PostgresError } from './postgres-error.js';

export interface GatherLimits {
  /** Statements under way at once. */
  readonly statements: number;
  /** Weight of the questions in one statement; more where one alone weighs more. */
  readonly inStatement: number;
  /** Weight of the questions that may wait before further ones are turned away. */
  readonly waiting: number;
}

const GATHER_LIMITS: GatherLimits = { statements: 4, inStatement: 1_000, waiting: 100_000 };

interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly weight: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Puts the questions of one turn of the event loop, and those that come while all statements are under way, into one
 * statement: most of what a look-up costs is the way there and back, and of a write the sync. A statement always begins
 * after its questions, and they share its answer; a failure they share too, but for a value that is none for the server,
 * which fails alone.
 */
export class Gathered<Question, Answer> {
  readonly #limits: GatherLimits;
  #waiting: Waiting<Question, Answer>[] = [];
  #waitingWeight = 0;
  #underWay = 0;
  #isDue = false;

  constructor(
    private readonly askAll: (questions: readonly Question[]) => Promise<Answer>,
    limits: Partial<GatherLimits> = {},
  ) {
    this.#limits = { ...GATHER_LIMITS, ...limits };
  }

  /** Rejects with a `PostgresError` where too many wait already. */
  ask(question: Question, weight = 1): Promise<Answer> {
    if (this.#waitingWeight + weight > this.#limits.waiting) {
      return Promise.reject(new PostgresError('UNAVAILABLE', 'too many wait for the same already'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, weight, resolve, reject });
      this.#waitingWeight += weight;
      this.#whenThisTurnEnds();
    });
  }

  #whenThisTurnEnds(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#send();
    });
  }

  #send(): void {
    while (this.#waiting.length > 0 && this.#underWay < this.#limits.statements) {
      this.#underWay += 1;
      void this.#answer(this.#take()).finally(() => {
        this.#underWay -= 1;
        this.#send();
      });
    }
  }

  #take(): readonly Waiting<Question, Answer>[] {
    let [count, weight] = [0, 0];
    for (const waiting of this.#waiting) {
      if (count > 0 && weight + waiting.weight > this.#limits.inStatement) break;
      count += 1;
      weight += waiting.weight;
    }
    this.#waitingWeight -= weight;
    return this.#waiting.splice(0, count);
  }

  async #answer(taken: readonly Waiting<Question, Answer>[]): Promise<void> {
    try {
      const answer = await this.askAll(taken.map(({ question }) => question));
      for (const { resolve } of taken) resolve(answer);
    } catch (error) {
      if (taken.length > 1 && isAboutOneOfThem(error)) return this.#answerParts(taken);
      for (const { reject } of taken) reject(error);
    }
  }

  /** Halves, until the question that the server cannot take stands alone. */
  async #answerParts(taken: readonly Waiting<Question, Answer>[]): Promise<void> {
    const middle = Math.ceil(taken.length / 2);
    await this.#answer(taken.slice(0, middle));
    await this.#answer(taken.slice(middle));
  }
}

/** A value that is none for the server: a statement with it was not carried out, and never is. */
function isAboutOneOfThem(error: unknown): boolean {
  return error instanceof PostgresError && error.sqlState?.startsWith('22') === true;
}
