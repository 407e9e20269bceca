import { setImmediate as turn } from 'node:timers/promises';
import type { QueryBus } from '@nestjs/cqrs';
import { hasReached, type Position } from '#event-store';
import { Refusal, invalid, notJson, readJson } from '#platform';
import type { Parts } from '../parts.js';
import { CheckEligibility, type Check, type Decision } from '../queries/check-eligibility.js';
import { readCheck, type RawCheck } from '../requests/check-body.js';
import { itemProblem } from '../requests/name-recipient.js';
import { linesJson, type BatchResult } from './decision-json.js';
import type { Line } from './lines.js';

/** Lines that are decided over one reading of the view, and in one turn of the event loop: three milliseconds or so. */
const LINES_AT_ONCE = 500;

export interface Asked {
  readonly businessId: string;
  /** Stands in for what a line leaves out. */
  readonly defaults: RawCheck;
  readonly atLeast?: Position;
}

type Item = RawCheck & { readonly ref?: unknown };

/** Decides the lines of an audience as the batch route decides its items: in order, and a bad one is answered as such. */
export class Audience {
  /** How many lines have been answered, and the answer taken. */
  answered = 0;

  constructor(
    private readonly parts: Parts,
    private readonly queries: QueryBus,
    private readonly asked: Asked,
  ) {}

  /** The answers, a line each, in pieces. */
  async *answers(lines: readonly Line[]): AsyncGenerator<Buffer> {
    for (let from = 0; from < lines.length; from += LINES_AT_ONCE) {
      if (from > 0) await turn();
      const results = await this.decide(lines.slice(from, from + LINES_AT_ONCE));
      yield linesJson(results);
      this.answered += results.length;
    }
  }

  private async decide(lines: readonly Line[]): Promise<readonly BatchResult[]> {
    const { businessId, defaults } = this.asked;
    const items = lines.map((line) => this.read(line));
    const read = items.map((item) =>
      item instanceof Refusal ? item : readCheck(this.parts, businessId, item, defaults),
    );
    const decisions = await this.ask(read.filter((one): one is Check => !(one instanceof Refusal)));
    let next = 0;
    return read.map((one, index): BatchResult => {
      const item = items[index];
      const ref = item instanceof Refusal ? undefined : item?.ref;
      return one instanceof Refusal
        ? { ref, error: itemProblem(one) }
        : { ref, decision: decisions[next++] as Decision };
    });
  }

  private read(line: Line): Item | Refusal {
    const { limits, filter } = this.parts.config;
    if (line === undefined) return new Refusal('BODY_TOO_LARGE', `Send lines of at most ${filter.lineBytes} bytes.`);
    const json = readJson(line, limits.jsonDepth);
    if (!json.ok) return notJson();
    if (json.faults.length > 0) return invalid(json.faults);
    const { value } = json;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  }

  /** A position that the view has come to is not asked for again: waiting, even for nothing, costs more than deciding. */
  private ask(checks: readonly Check[]): Promise<readonly Decision[]> {
    const { businessId, atLeast } = this.asked;
    const { position } = this.parts.view.status();
    const isThere = atLeast === undefined || (position !== undefined && hasReached(position, atLeast));
    return this.queries.execute(new CheckEligibility({ businessId, checks, ...(isThere ? {} : { atLeast }) }));
  }
}
