import { hasReached, readEvent, type Position, type ReadEvent } from '#event-store';
import { SealInvalid, type Sealed } from '#vault';
import type { Parts } from '../parts.js';

const PAGE = 500;

/** Whether a part of what is recorded of a person before a position can still be opened. */
export async function isLeftReadable(parts: Parts, recipientId: string, before: Position): Promise<boolean> {
  for (const stream of [`consent-${recipientId}`, `conversation-${recipientId}`]) {
    for await (const event of eventsBefore(parts, stream, before)) {
      if (await opens(parts, recipientId, event)) return true;
    }
  }
  return false;
}

async function* eventsBefore({ store }: Parts, stream: string, before: Position): AsyncGenerator<ReadEvent> {
  for (let from = 0; ; from += PAGE) {
    const page = await store.readStream(stream, { from: String(from), limit: PAGE });
    for (const event of page) {
      if (hasReached(event.position, before)) return;
      yield readEvent(event);
    }
    if (page.length < PAGE) return;
  }
}

/** What is not what was sealed, nobody can read. */
async function opens({ vault }: Parts, recipientId: string, { event, data }: ReadEvent): Promise<boolean> {
  const { sealed } = (data ?? {}) as { readonly sealed?: Sealed };
  if (sealed === undefined) return false;
  try {
    return (await vault.open(recipientId, event.id, sealed)) !== undefined;
  } catch (error) {
    if (error instanceof SealInvalid) return false;
    throw error;
  }
}
