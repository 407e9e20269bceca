import type { Category, Channel, Requirement } from '#consent';
import { ask, must, type Reachable } from '../support/client.js';
import { ReferenceModel } from '../reference/model.js';
import type { Happening } from '../reference/happening.js';

/** The questions of `registerAcme`'s purposes, one for each row of the decision table that they can reach. */
export const QUESTIONS: readonly {
  readonly channel: Channel;
  readonly purpose: string;
  readonly category: Category;
  readonly requires: Requirement;
}[] = [
  { channel: 'whatsapp', purpose: 'offers', category: 'marketing', requires: 'consent' },
  { channel: 'whatsapp', purpose: 'service', category: 'service', requires: 'consent' },
  { channel: 'whatsapp', purpose: 'opt_out_confirmation', category: 'service', requires: 'consent' },
  { channel: 'sms', purpose: 'receipts', category: 'utility', requires: 'no_objection' },
];

export interface Decision {
  readonly eligible: boolean;
  readonly reason: string;
  readonly decidedAt: string;
  readonly position: string;
  readonly basis?: { readonly eventId: string };
}

export async function decide(
  service: Reachable,
  recipientId: string,
  query: Readonly<Record<string, string>>,
): Promise<Decision> {
  const path = `/v1/businesses/acme/recipients/${recipientId}/eligibility?${new URLSearchParams(query).toString()}`;
  return (await must(ask(service, 'GET', path))).body as unknown as Decision;
}

/** Where the view, the ledger's own streams and the reference model do not answer the same; nothing where all agree. */
export async function disagreements(
  service: Reachable,
  recipientIds: readonly string[],
  happenings: readonly Happening[],
): Promise<readonly string[]> {
  const model = new ReferenceModel(happenings);
  const found: string[] = [];
  for (const recipientId of recipientIds) {
    for (const question of QUESTIONS) {
      const { channel, purpose } = question;
      const fast = await decide(service, recipientId, { channel, purpose });
      const ledger = await decide(service, recipientId, { channel, purpose, consistency: 'ledger' });
      const reference = model.answer(recipientId, { ...question, now: fast.decidedAt });
      const told = [
        inShort(fast, fast.basis?.eventId),
        inShort(ledger, ledger.basis?.eventId),
        inShort(reference, reference.basis),
      ];
      if (new Set(told).size > 1) found.push(`${recipientId} ${channel} ${purpose}: ${told.join(' | ')}`);
    }
  }
  return found;
}

function inShort({ eligible, reason }: Pick<Decision, 'eligible' | 'reason'>, basis = 'nothing'): string {
  return `${eligible} ${reason} ${basis}`;
}

/** Recipients with an opt-out of everything on WhatsApp that no grant is later than, by the plain list of events. */
export function stopped(happenings: readonly Happening[]): ReadonlySet<string> {
  const latest = { ConsentRevoked: new Map<string, string>(), ConsentGranted: new Map<string, string>() };
  for (const { recipientId, event } of happenings) {
    if (event.type !== 'ConsentRevoked' && event.type !== 'ConsentGranted') continue;
    const known = latest[event.type].get(recipientId) ?? '';
    if (event.data.occurredAt > known) latest[event.type].set(recipientId, event.data.occurredAt);
  }
  const noes = [...latest.ConsentRevoked].filter(([id, at]) => at >= (latest.ConsentGranted.get(id) ?? ''));
  return new Set(noes.map(([id]) => id));
}
