/** Beyond so many different texts one is written out where it stands: only a topic full of noise has so many. */
const MAX_TEXTS = 100_000;
const MAX_KEPT_CHARACTERS = 256;

/**
 * Short texts that stand in very many states (channels, purposes, senders, businesses, ledgers), each kept once and
 * named by a number. A number never changes its text.
 */
export class TextTable {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];

  get size(): number {
    return this.#texts.length;
  }

  /** Undefined where the table is full or the text too long to be worth it. */
  numberOf(text: string): number | undefined {
    const known = this.#numbers.get(text);
    if (known !== undefined || this.#texts.length >= MAX_TEXTS || text.length > MAX_KEPT_CHARACTERS) return known;
    this.#numbers.set(text, this.#texts.length);
    return this.#texts.push(text) - 1;
  }

  textOf(number: number): string {
    const text = this.#texts[number];
    if (text === undefined) throw new RangeError('a packed state names a text that was never kept');
    return text;
  }
}
