import { setImmediate as turn } from 'node:timers/promises';
import type { QueryBus } from '@nestjs/cqrs';
import type { Position } from '#event-store';
import { Refusal, invalid, notJson, problemOf, readJson } from '#platform';
import type { Parts } from '../parts.js';
import { CheckEligibility } from '../queries/check-eligibility.js';
import { eachAnswered, readBatchWithNews } from '../requests/check-batch.js';
import { readItem, type RawCheck, type ReadItem } from '../requests/check-body.js';
import { linesJson, type BatchResult } from './decision-json.js';
import type { Line } from './lines.js';

/** Lines that are decided over one reading of the view, and in one turn of the event loop: three milliseconds or so. */
const LINES_AT_ONCE = 500;

export interface Asked {
  readonly businessId: string;
  /** Stands in for what a line leaves out. */
  readonly defaults: RawCheck;
  readonly atLeast?: Position;
  /** The `instance` of its problems. */
  readonly instance: string;
}

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
    const { businessId, defaults, atLeast, instance } = this.asked;
    const read = lines.map((line) => this.read(line));
    const items = read.map(({ item }) => item);
    const batch = await readBatchWithNews(this.parts, businessId, items, defaults);
    const fresh = atLeast === undefined ? {} : { atLeast };
    const decisions = await this.queries.execute(new CheckEligibility({ businessId, checks: batch.checks, ...fresh }));
    return eachAnswered(batch, decisions, (outcome, index): BatchResult => {
      const ref = read[index]?.ref;
      return outcome instanceof Refusal ? { ref, error: problemOf(outcome, instance) } : { ref, decision: outcome };
    });
  }

  private read(line: Line): ReadItem {
    const { limits, filter } = this.parts.config;
    const refused = (item: Refusal) => ({ ref: undefined, item });
    const tooLong = `Send lines of at most ${filter.lineBytes} bytes.`;
    if (line === undefined) return refused(new Refusal('BODY_TOO_LARGE', tooLong));
    const json = readJson(line, limits.jsonDepth);
    if (!json.ok) return refused(notJson());
    return json.faults.length > 0 ? refused(invalid(json.faults)) : readItem(json.value);
  }
}
