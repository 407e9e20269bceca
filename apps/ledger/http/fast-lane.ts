import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { Refusal, readJson } from '#platform';
import type { Parts } from '../parts.js';
import type { Check, CheckEligibilityHandler, Decision } from '../queries/check-eligibility.js';
import { authorize, type Authenticator } from '../authenticate.js';
import { decisionJson } from './decision-json.js';
import { readCheck, readTopic, type RawCheck } from '../requests/check-body.js';
import { checkByIdRoute, checkRoute } from './routes/eligibility.routes.js';
import { standBefore } from './stand-before.js';

/** What is known of a question before anything was awaited, or read but its head. */
interface Asked {
  readonly businessId: string;
  readonly route: string;
  readonly startedMs: number;
}

/**
 * Answers the plain check, which is nearly all that a ledger is ever asked, without the frameworks: they cost more than
 * the answer. It goes by the same gate, reader and handler as they do, and says nothing that they would not: whatever is
 * not plain (no remembered key, an unknown purpose, a broken body, a view that must be waited for) it leaves to them.
 */
export class FastLane {
  private closed: boolean;

  constructor(
    private readonly parts: Parts,
    private readonly authenticator: Authenticator,
    private readonly checks: CheckEligibilityHandler,
  ) {
    this.closed = !parts.config.roles.includes('queries');
  }

  /** Stands before the listener that the framework has set on the server. */
  stand(server: Server): void {
    standBefore(server, (request, response, ordinary) => {
      if (!this.takes(request, response, ordinary)) void ordinary(request, response);
    });
  }

  /** From now on everything goes through the gate, which turns requests away while the service stops. */
  close(): void {
    this.closed = true;
  }

  private takes(request: IncomingMessage, response: ServerResponse, ordinary: RequestListener): boolean {
    if (this.closed) return false;
    if (request.method === 'GET') return orFalse(() => this.takesById(request, response));
    return request.method === 'POST' && this.takesByAddress(request, response, ordinary);
  }

  private takesById(request: IncomingMessage, response: ServerResponse): boolean {
    const [, businessId, recipientId, query] = BY_ID.exec(request.url ?? '') ?? NOTHING;
    if (businessId === undefined || recipientId === undefined || query === undefined) return false;
    const asked = this.admit(request, businessId, checkByIdRoute.path);
    const raw = asked && plainQueryKept(query);
    const topic = raw && readTopic(this.parts, businessId, raw);
    if (asked === undefined || topic === undefined || topic instanceof Refusal) return false;
    return this.answers(response, asked, { recipientId, topic });
  }

  /** A short body that came with its head is in the stream by the end of this turn; any other is the framework's. */
  private takesByAddress(request: IncomingMessage, response: ServerResponse, ordinary: RequestListener): boolean {
    const [, businessId] = BY_ADDRESS.exec(request.url ?? '') ?? NOTHING;
    const { headers } = request;
    if (businessId === undefined || headers['content-type'] !== 'application/json') return false;
    if (headers['content-encoding'] !== undefined) return false;
    const bytes = Number(headers['content-length']);
    const asked = bytes > 0 && bytes <= SHORT_BODY_BYTES && this.admit(request, businessId, checkRoute.path);
    if (!asked) return false;
    process.nextTick(() => {
      const body = request.read() as Buffer | null;
      const isAnswered = orFalse(() => body?.length === bytes && this.answersBody(response, asked, body));
      if (isAnswered) return;
      if (body) request.unshift(body);
      void ordinary(request, response);
    });
    return true;
  }

  /** Only callers whose key is remembered: nothing is awaited here. */
  private admit(request: IncomingMessage, businessId: string, route: string): Asked | undefined {
    const principal = this.authenticator.remembered(request.headers.authorization);
    if (principal === undefined || !this.parts.view.catalogue.business(businessId)?.state.profile) return undefined;
    try {
      authorize(principal, 'eligibility:read', businessId);
    } catch {
      return undefined;
    }
    return { businessId, route, startedMs: performance.now() };
  }

  private answersBody(response: ServerResponse, asked: Asked, body: Buffer): boolean {
    const check = this.plainCheck(asked.businessId, body);
    return check !== undefined && this.answers(response, asked, check);
  }

  private plainCheck(businessId: string, body: Buffer): Check | undefined {
    const json = readJson(body, this.parts.config.limits.jsonDepth);
    if (!json.ok || json.faults.length > 0 || !isPlain(json.value)) return undefined;
    const check = readCheck(this.parts, businessId, json.value);
    return check instanceof Refusal ? undefined : check;
  }

  private answers(response: ServerResponse, asked: Asked, check: Check): boolean {
    const decision = this.checks.decideNow(asked.businessId, check);
    if (decision === undefined) return false;
    send(response, decision);
    this.parts.metrics.httpRequest(
      asked.route === checkRoute.path ? 'POST' : 'GET',
      asked.route,
      200,
      (performance.now() - asked.startedMs) / 1_000,
    );
    return true;
  }
}

/** A mistake of ours here is the ordinary route's to answer, which knows how; nothing has been sent yet. */
function orFalse(work: () => boolean): boolean {
  try {
    return work();
  } catch {
    return false;
  }
}

const NOTHING: readonly (string | undefined)[] = [];
const BY_ID =
  /^\/v1\/businesses\/([a-z0-9][a-z0-9_-]{0,62})\/recipients\/([A-Za-z0-9_-]{43})\/eligibility\?([\w=&-]+)$/;
const BY_ADDRESS = /^\/v1\/businesses\/([a-z0-9][a-z0-9_-]{0,62})\/eligibility$/;
const SHORT_BODY_BYTES = 2_048;
const FIELDS = new Set(['channel', 'purpose', 'sender']);

/** Senders ask the same few questions about everybody: so many, none of them longer, are kept as they were read. */
const QUERIES_MAX = 1_000;
const QUERY_CHARACTERS = 256;
const plainQueries = new Map<string, RawCheck>();

function plainQueryKept(query: string): RawCheck | undefined {
  const known = plainQueries.get(query);
  if (known) return known;
  const raw = plainQuery(query);
  if (!raw || query.length > QUERY_CHARACTERS) return raw;
  if (plainQueries.size >= QUERIES_MAX) plainQueries.clear();
  plainQueries.set(query, raw);
  return raw;
}

/** The members of a query that needs no decoding; undefined where it holds anything else, or anything twice. */
function plainQuery(query: string): RawCheck | undefined {
  const raw: Record<string, string> = {};
  for (const pair of query.split('&')) {
    const [name, value, more] = pair.split('=');
    if (name === undefined || !value || more !== undefined || !FIELDS.has(name) || name in raw) return undefined;
    raw[name] = value;
  }
  return raw;
}

/** What the compiled schema of the route lets through, and no option beside it. */
function isPlain(value: unknown): value is RawCheck {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const [name, member] of Object.entries(value)) {
    if (name !== 'recipient' && !(FIELDS.has(name) && typeof member === 'string')) return false;
  }
  const { recipient } = value as RawCheck;
  return typeof recipient === 'object' && recipient !== null && !Array.isArray(recipient);
}

function send(response: ServerResponse, decision: Decision): void {
  const body = decisionJson(decision);
  response.writeHead(200, {
    'cache-control': 'no-store',
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
