const UPPER_SECONDS = [0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Requests of one method, route and status. */
interface Series {
  readonly labels: string;
  /** By the first bucket they fit into, the last for those that fit into none; added up when rendered. */
  readonly counts: Float64Array;
  sum: number;
}

/**
 * Durations of requests as a Prometheus histogram. Every request passes here, and prom-client's own histogram takes half
 * a microsecond for one observation; this a small part of it, and the text is only made when somebody scrapes.
 */
export class RequestHistogram {
  /** `labelsOf` names what is counted apart, as Prometheus writes labels. */
  constructor(
    private readonly name: string,
    private readonly help: string,
    private readonly labelsOf: (method: string, route: string, status: number) => Readonly<Record<string, string>>,
  ) {}

  /** By route, then by method and status: joining the three to one key would cost more than the counting. */
  private readonly routes = new Map<string, Map<string, Series[]>>();

  observe(method: string, route: string, status: number, seconds: number): void {
    const series = this.seriesOf(method, route, status);
    let bucket = 0;
    while (bucket < UPPER_SECONDS.length && seconds > (UPPER_SECONDS[bucket] as number)) bucket++;
    series.counts[bucket] = (series.counts[bucket] as number) + 1;
    series.sum += seconds;
  }

  /** In the text format of Prometheus, with a line end. */
  render(): string {
    const all = [...this.routes.values()].flatMap((methods) =>
      [...methods.values()].flatMap((list) => Object.values(list)),
    );
    const head = [`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} histogram`];
    return `${[...head, ...all.flatMap((series) => linesOf(this.name, series))].join('\n')}\n`;
  }

  private seriesOf(method: string, route: string, status: number): Series {
    const known = this.routes.get(route)?.get(method)?.[status];
    return known ?? this.addSeries(method, route, status);
  }

  private addSeries(method: string, route: string, status: number): Series {
    const methods = this.routes.get(route) ?? new Map<string, Series[]>();
    const statuses = methods.get(method) ?? [];
    const named = Object.entries(this.labelsOf(method, route, status));
    const labels = named.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(',');
    const series = { labels, counts: new Float64Array(UPPER_SECONDS.length + 1), sum: 0 };
    statuses[status] = series;
    this.routes.set(route, methods.set(method, statuses));
    return series;
  }
}

function linesOf(name: string, { labels, counts, sum }: Series): string[] {
  let total = 0;
  const buckets = [...UPPER_SECONDS, '+Inf'].map((upper, bucket) => {
    total += counts[bucket] ?? 0;
    return `${name}_bucket{le="${upper}",${labels}} ${total}`;
  });
  return [...buckets, `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${total}`];
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
