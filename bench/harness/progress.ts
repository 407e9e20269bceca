/** Says on stderr what runs: one line that changes on a terminal, lines of a log elsewhere. Results go to stdout. */
export class Progress {
  private readonly terminal = process.stderr.isTTY;
  private saidPercent = -1;

  say(text: string): void {
    process.stderr.write(this.terminal ? `\x1b[2K\r${text}` : `${text}\n`);
  }

  /** Something that stays, also on a terminal. */
  tell(text: string): void {
    this.end();
    process.stderr.write(`${text}\n`);
  }

  /** Of something long: on a terminal always, in a log each tenth. */
  count(what: string, done: number, total: number): void {
    const percent = Math.floor((done / total) * 100);
    if (percent === this.saidPercent || (!this.terminal && percent % 10 !== 0)) return;
    this.saidPercent = percent;
    this.say(`${what}: ${percent} %`);
  }

  end(): void {
    if (this.terminal) process.stderr.write('\x1b[2K\r');
  }
}
