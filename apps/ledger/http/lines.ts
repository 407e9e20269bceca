/** A line without its end, or undefined for one that is too long to be kept. */
export type Line = Buffer | undefined;

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * Cuts bytes into lines, wherever they are cut already. Lines end with LF or CRLF, the last one may end with neither;
 * empty ones are left out. Of a line that is too long nothing is kept but that there was one.
 */
export class LineCutter {
  private begun: Buffer[] = [];
  private length = 0;

  constructor(private readonly mostBytes: number) {}

  /** The lines that end in these bytes. */
  cut(bytes: Buffer): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      this.keep(bytes.subarray(from, end));
      this.finish(lines);
      from = end + 1;
    }
    this.keep(bytes.subarray(from));
    return lines;
  }

  /** What is left when there is no more to come. */
  end(): Line[] {
    const lines: Line[] = [];
    this.finish(lines);
    return lines;
  }

  /** A line may be one byte longer: that may be the CR of its end. */
  private keep(part: Buffer): void {
    if (part.length === 0) return;
    this.length += part.length;
    if (this.length <= this.mostBytes + 1) this.begun.push(part);
    else this.begun = [];
  }

  private finish(lines: Line[]): void {
    const isWhole = this.length <= this.mostBytes + 1;
    const [first] = this.begun;
    const bytes = first && this.begun.length === 1 ? first : Buffer.concat(this.begun);
    this.begun = [];
    this.length = 0;
    const line = bytes.at(-1) === RETURN ? bytes.subarray(0, -1) : bytes;
    if (!isWhole || line.length > this.mostBytes) lines.push(undefined);
    else if (line.length > 0) lines.push(line);
  }
}
