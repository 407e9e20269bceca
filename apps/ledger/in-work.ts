/** How many answers are being made, and how many may be. */
export class InWork {
  private count = 0;

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.count;
  }

  /** False where there are too many. `beyond` is let in all the same. Who was let in has to leave, once. */
  enter(beyond = false): boolean {
    if (this.count >= this.limit && !beyond) return false;
    this.count += 1;
    return true;
  }

  /** Bound, so that it can be listened with. */
  readonly leave = (): void => {
    this.count -= 1;
  };
}
