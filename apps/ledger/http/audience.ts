import { setImmediate as turn } from 'node:timers/promises';
import type { QueryBus } from '@nestjs/cqrs';
import type { Position } from '#event-store';
import { Refusal, invalid, notJson, problemOf, readJson } from '#platform';
import type { Parts } from '../parts.js';
import { CheckEligibility } from '../queries/check-eligibility.js';
import { eachAnswered, readBatchWithNews } from '../requests/check-batch.js';
import type { RawCheck } from '../requests/check-body.js';
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
    const { businessId, defaults, atLeast, instance } = this.asked;
    const items = lines.map((line) => this.read(line));
    const batch = await readBatchWithNews(this.parts, businessId, items, defaults);
    const fresh = atLeast === undefined ? {} : { atLeast };
    const decisions = await this.queries.execute(new CheckEligibility({ businessId, checks: batch.checks, ...fresh }));
    return eachAnswered(batch, decisions, (outcome, index): BatchResult => {
      const item = items[index];
      const ref = item instanceof Refusal ? undefined : item?.ref;
      return outcome instanceof Refusal ? { ref, error: problemOf(outcome, instance) } : { ref, decision: outcome };
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
}
