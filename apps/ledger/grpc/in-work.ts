/** How many calls are being worked on, and how many may be. */
export class InWork {
  private count = 0;

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.count;
  }

  /** A way to leave again, which counts once; undefined where there are too many. `beyond` is let in all the same. */
  enter(beyond = false): (() => void) | undefined {
    if (this.count >= this.limit && !beyond) return undefined;
    this.count += 1;
    let isInside = true;
    return () => {
      if (isInside) this.count -= 1;
      isInside = false;
    };
  }
}
