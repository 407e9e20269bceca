/**
 * Work whose result serves all who ask while it waits to begin: none is served by a turn that had begun before they asked,
 * and however many ask, one turn is under way.
 */
export class SharedTurns<T> {
  #underWay: Promise<T> | undefined;
  #waiting: Promise<T> | undefined;

  constructor(private readonly work: () => Promise<T>) {}

  /** The result of a turn that begins now or later. */
  next(): Promise<T> {
    if (this.#underWay === undefined) return this.#begin();
    const after = () => this.#begin();
    return (this.#waiting ??= this.#underWay.then(after, after));
  }

  #begin(): Promise<T> {
    this.#waiting = undefined;
    const turn = this.work().finally(() => {
      if (this.#underWay === turn) this.#underWay = undefined;
    });
    return (this.#underWay = turn);
  }
}
