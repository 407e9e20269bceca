import { Refusal } from '#platform';
import type { Parts } from './parts.js';

/**
 * An id that a caller names must be this business's or nobody's, since an event of another business in its streams would
 * speak for a stranger. Where this process alone writes, the view knows; otherwise the streams are looked at.
 */
export async function requireOwn(parts: Parts, businessId: string, recipientId: string): Promise<'known' | 'unknown'> {
  const owner = parts.store.isOurs ? parts.view.ownerOf(recipientId) : undefined;
  if (owner === undefined) return requireOwnStreams(parts, businessId, recipientId);
  if (owner !== null && owner !== businessId) throw recipientNotFound();
  return owner === null ? 'unknown' : 'known';
}

async function requireOwnStreams(parts: Parts, businessId: string, recipientId: string): Promise<'known' | 'unknown'> {
  let known: 'known' | 'unknown' = 'unknown';
  for (const stream of [`consent-${recipientId}`, `conversation-${recipientId}`]) {
    const [first] = await parts.store.readStream(stream, { limit: 1 });
    if (!first) continue;
    const owner = businessOf(first.data);
    if (owner !== undefined && owner !== businessId) throw recipientNotFound();
    known = 'known';
  }
  return known;
}

function businessOf(data: Uint8Array): unknown {
  try {
    return (JSON.parse(Buffer.from(data).toString()) as { businessId?: unknown }).businessId;
  } catch {
    return undefined;
  }
}

export function recipientNotFound(): Refusal {
  return new Refusal('RECIPIENT_NOT_FOUND', 'Nothing is recorded of this recipient for this business.');
}
