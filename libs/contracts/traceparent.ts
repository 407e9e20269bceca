/** Of the one version that there is: trace, the caller's span and flags, in hexadecimal. Nothing in it can name a person. */
export const TRACEPARENT_PATTERN = '^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$';

const TRACEPARENT = new RegExp(TRACEPARENT_PATTERN);
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NOT_SAMPLED = '00';

/** W3C Trace Context: the text if it can be handed on. Anything else is nothing, and never an error. */
export function readTraceparent(text: unknown): string | undefined {
  return typeof text === 'string' && TRACEPARENT.test(text) ? text : undefined;
}

/**
 * The trace that an event is told under: that of the request which left it behind, or one made of the request's own id,
 * so that all that came of one request is found together. Undefined where the ledger does not say.
 */
export function traceparentOf(
  { traceparent, $correlationId }: { readonly traceparent?: unknown; readonly $correlationId?: unknown },
  eventId: string,
): string | undefined {
  const given = readTraceparent(traceparent);
  if (given !== undefined) return given;
  if (typeof $correlationId !== 'string' || !UUID.test($correlationId) || !UUID.test(eventId)) return undefined;
  const [trace, span] = [$correlationId, eventId].map((id) => id.replaceAll('-', ''));
  return readTraceparent(`00-${trace}-${span?.slice(0, 16)}-${NOT_SAMPLED}`);
}
