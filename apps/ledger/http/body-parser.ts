import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal, readJson, readStrictJson, notJson } from '#platform';

/**
 * How a route wants its body: `strict` JSON, `lenient` JSON with its faults on the request, the `raw` bytes, or as a
 * `stream` of lines of JSON that it reads itself, as long as that may be. A route that wants none has no mode.
 */
export type BodyMode = 'strict' | 'lenient' | 'raw' | 'stream';

export const NDJSON = 'application/x-ndjson';

type Done = (error: Error | null, body?: unknown) => void;

/** Replaces Fastify's parsers: duplicate keys, prototype keys and deep nesting never reach a handler unnoticed. */
export function parseBodies(fastify: FastifyInstance, maxDepth: number): void {
  fastify.removeAllContentTypeParsers();
  fastify.addHook('onRequest', (request, _reply, done) => {
    const mode = bodyModeOf(request);
    const { headers } = request;
    // Fastify itself refuses what is no media type at all; these routes do not care what theirs is called.
    if (mode === undefined || mode === 'lenient' || mode === 'raw') headers['content-type'] = 'application/json';
    else if (mode === 'stream' && isLines(headers['content-type'])) headers['content-type'] = NDJSON;
    done();
  });
  fastify.addContentTypeParser(NDJSON, (request, _stream, done) => {
    const takesLines = bodyModeOf(request) === 'stream';
    const encoded = isEncoded(request.headers['content-encoding']);
    done(takesLines ? (encoded ? compressed() : null) : unsupported());
  });
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    parse(request, body as Buffer, maxDepth, done);
  });
}

function parse(request: FastifyRequest, body: Buffer, maxDepth: number, done: Done): void {
  try {
    done(null, read(request, body, maxDepth));
  } catch (error) {
    done(error as Error);
  }
}

function read(request: FastifyRequest, body: Buffer, maxDepth: number): unknown {
  const mode = bodyModeOf(request);
  // Many clients name a media type with every request: where no body is asked for, none is looked at.
  if (mode === undefined) return undefined;
  if (mode === 'raw') return body;
  const encoded = isEncoded(request.headers['content-encoding']);
  if (mode === 'stream') throw new Refusal('UNSUPPORTED_MEDIA_TYPE', `Send ${NDJSON}.`);
  if (mode === 'strict') {
    if (!isJson(request.headers['content-type'])) throw unsupported();
    if (encoded) throw compressed();
    return readStrictJson(body, maxDepth);
  }
  // Whatever the sender calls it: an opt-out that reads as JSON is one.
  const json = readJson(body, maxDepth);
  if (!('value' in json)) throw encoded ? compressed() : notJson();
  request.jsonFaults = json.faults;
  return json.value;
}

/** Undefined too where no route has that method and path, which is then what the caller is told. */
function bodyModeOf(request: FastifyRequest): BodyMode | undefined {
  return (request.routeOptions.config as { readonly body?: BodyMode }).body;
}

function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType);
}

/** The names that are in use for lines of JSON. */
function isLines(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/(?:x-)?(?:ndjson|jsonl|jsonlines)\s*(?:;|$)/i.test(contentType);
}

function isEncoded(contentEncoding: string | undefined): boolean {
  return contentEncoding !== undefined && !/^\s*(?:identity\s*)?$/i.test(contentEncoding);
}

/** RFC 9110, section 8.4: what it would unpack to has no limit that its length would tell. */
function compressed(): Refusal {
  return new Refusal('UNSUPPORTED_MEDIA_TYPE', 'Send the body as it is, without a Content-Encoding.');
}

function unsupported(): Refusal {
  return new Refusal('UNSUPPORTED_MEDIA_TYPE', 'Send application/json.');
}
