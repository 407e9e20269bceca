/** What a statement found, by id, and what stood beside it in the same snapshot. */
export interface Found<Row, Beside> {
  readonly rows: ReadonlyMap<string, Row>;
  readonly beside: Beside;
}

export interface GatherLimits {
  /** Statements under way at once. */
  readonly statements: number;
  /** Ids in one statement; more where one question alone asks for more. */
  readonly idsInStatement: number;
  /** Ids that may wait before further questions are turned away. */
  readonly waitingIds: number;
}

export const GATHER_LIMITS: GatherLimits = { statements: 4, idsInStatement: 1_000, waitingIds: 100_000 };

interface Question<Row, Beside> {
  readonly ids: readonly string[];
  resolve(found: Found<Row, Beside>): void;
  reject(error: unknown): void;
}

/**
 * Puts the questions of one turn of the event loop, and those that come while all statements are under way, into one
 * statement: most of what a look-up costs is the way there and back. A statement always begins after its questions.
 */
export class GatheredReads<Row, Beside> {
  #waiting: Question<Row, Beside>[] = [];
  #waitingIds = 0;
  #underWay = 0;
  #isDue = false;

  constructor(
    private readonly ask: (ids: readonly string[]) => Promise<Found<Row, Beside>>,
    private readonly limits: GatherLimits = GATHER_LIMITS,
  ) {}

  /** Rejects where too many wait already. */
  read(ids: readonly string[]): Promise<Found<Row, Beside>> {
    if (this.#waitingIds + ids.length > this.limits.waitingIds) {
      return Promise.reject(new Error('too many rows of the view are waited for'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ids, resolve, reject });
      this.#waitingIds += ids.length;
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
    while (this.#waiting.length > 0 && this.#underWay < this.limits.statements) {
      this.#underWay += 1;
      void this.#answer(this.#take()).finally(() => {
        this.#underWay -= 1;
        this.#send();
      });
    }
  }

  #take(): readonly Question<Row, Beside>[] {
    let [questions, ids] = [0, 0];
    for (const question of this.#waiting) {
      if (questions > 0 && ids + question.ids.length > this.limits.idsInStatement) break;
      questions += 1;
      ids += question.ids.length;
    }
    this.#waitingIds -= ids;
    return this.#waiting.splice(0, questions);
  }

  async #answer(questions: readonly Question<Row, Beside>[]): Promise<void> {
    const ids = questions.length === 1 ? (questions[0]?.ids ?? []) : questions.flatMap((question) => question.ids);
    try {
      const found = await this.ask(ids);
      for (const question of questions) question.resolve(found);
    } catch (error) {
      for (const question of questions) question.reject(error);
    }
  }
}
