import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { decideErasure, type ErasureRequester } from '#consent';
import { Parts } from '../parts.js';
import { together, type Outcome, type Warning } from './answer.js';
import type { Caller } from './caller.js';
import { newestOf, newestWithLinked, recentMessagesOf } from './newest.js';
import { carryOut } from './recipient-command.js';
import { samePersonAs } from './same-person.js';

export interface ErasureRequest {
  readonly businessId: string;
  readonly recipientId: string;
  readonly requestedBy?: ErasureRequester;
  readonly warnings: readonly Warning[];
  readonly key?: string;
  readonly request: unknown;
  readonly caller: Caller;
}

/**
 * Somebody is to be forgotten, and still never messaged. Succeeds once the event is durable and the keys of all the
 * person's addresses are destroyed; until then the same request, sent again, goes on where it was broken off.
 */
export class EraseRecipient extends Command<Outcome> {
  constructor(readonly erasure: ErasureRequest) {
    super();
  }
}

@CommandHandler(EraseRecipient)
export class EraseRecipientHandler implements ICommandHandler<EraseRecipient> {
  constructor(private readonly parts: Parts) {}

  async execute({ erasure }: EraseRecipient): Promise<Outcome> {
    const outcome = await eraseOne(this.parts, erasure);
    const { answer } = outcome;
    const others = await samePersonAs(this.parts, erasure.recipientId, answer.position);
    // Should this break off, whoever completes it finds what the first event has caused, and what is missing.
    const caller = { ...erasure.caller, causedBy: answer.eventId };
    const outcomes: Outcome[] = [];
    for (const recipientId of others) {
      outcomes.push(await eraseOne(this.parts, consequenceOf(answer.eventId, { ...erasure, recipientId, caller })));
    }
    if (others.length === 0) return outcome;
    const warned = { ...outcome, answer: { ...answer, warnings: [...(answer.warnings ?? []), OTHERS_TOO] } };
    return together([warned, ...outcomes]);
  }
}

/**
 * The erasure of an address linked to one that was erased. Its cause is its key, so that however many carry it out, the
 * caller again and who completes what broke off, one event comes of it.
 */
export function consequenceOf(cause: string, erasure: Omit<ErasureRequest, 'key' | 'request'>): ErasureRequest {
  return { ...erasure, key: cause, request: { operation: 'erasures', cause } };
}

/**
 * Erases one address. First the event, then the key: whatever stands before the event in the ledger cannot be read once
 * this resolves, and what a command seals later under a new key stands behind it. The vault is told beforehand, so that
 * one that is away keeps the erasure from being begun, and a crash in between is made good at the next start.
 */
export function eraseOne(parts: Parts, erasure: ErasureRequest): Promise<Outcome> {
  return parts.underWay.erasing(erasure.recipientId, () => eraseNow(parts, erasure));
}

async function eraseNow(parts: Parts, erasure: ErasureRequest): Promise<Outcome> {
  const recent = recentMessagesOf(parts, erasure);
  const outcome = await carryOut(parts, {
    ...erasure,
    operation: 'erasures',
    lane: 'revocation',
    erases: true,
    personal: {},
    decide: async (state, now, history) => {
      const own = await newestOf(history, recent);
      // What the view tells is already joined with what it knows of those linked to the person.
      const newest = history.state ? own : await newestWithLinked(parts, erasure.recipientId, state, own);
      return { event: decideErasure(state, { ...erasure, ...newest, now }) };
    },
    effectOf: () => ({}),
  });
  await parts.vault.eraseRecipient(erasure.recipientId, outcome.answer.eventId);
  return outcome;
}

const OTHERS_TOO: Warning = {
  field: 'recipient',
  message: 'Other addresses are linked as the same person: they were erased too.',
};
