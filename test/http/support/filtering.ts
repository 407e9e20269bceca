import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Reachable } from '../../support/client.js';
import type { Json } from './acme.js';

export const FILTER = '/v1/businesses/acme/eligibility/filter?channel=whatsapp&purpose=offers';

/** A filter under way: bytes go out and answers come in as the test wants it. */
export class Filtering {
  readonly sending: ClientRequest;
  readonly answer: Promise<IncomingMessage>;

  constructor(service: Reachable, path = FILTER, options: { readonly key?: string; readonly type?: string } = {}) {
    const { key = service.adminKey, type = 'application/x-ndjson' } = options;
    const headers = { authorization: `Bearer ${key}`, 'content-type': type };
    this.sending = request(service.base + path, { method: 'POST', headers, agent: false });
    this.answer = once(this.sending, 'response').then(([response]) => response as IncomingMessage);
    this.answer.catch(() => undefined);
    this.sending.on('error', () => undefined);
    this.sending.flushHeaders();
  }

  /** Sends all of it in these pieces, and resolves with all that is answered. */
  async exchange(pieces: Iterable<string | Uint8Array>): Promise<readonly Json[]> {
    for (const piece of pieces) {
      if (!this.sending.write(piece)) await once(this.sending, 'drain');
    }
    this.sending.end();
    return this.all();
  }

  async all(): Promise<readonly Json[]> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.answer) chunks.push(chunk as Buffer);
    return linesOf(Buffer.concat(chunks).toString());
  }

  close(): void {
    this.sending.destroy();
  }
}

export function linesOf(text: string): readonly Json[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Json);
}
