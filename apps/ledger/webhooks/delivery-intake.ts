import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { instantOf, type ClaimedTime, type Instant, type Provider, type Sender } from '#consent';
import { StoreUnavailable } from '#event-store';
import { Refusal } from '#platform';
import { readDelivery, unroutedFact, type Fact, type Part, type PersonAddress, type SamePerson } from '#providers';
import type { Unrouted } from '#vault';
import type { Caller } from '../commands/caller.js';
import { RecordMessage } from '../commands/record-message.js';
import { RevokeConsent } from '../commands/revoke-consent.js';
import { nameRecipient, nameRevoked, type NamedRecipient } from '../requests/name-recipient.js';
import { Parts } from '../parts.js';
import { PeopleLinker } from './link-people.js';

const PROVIDER: Provider = 'whatsapp_cloud';
const CHANNEL = 'whatsapp';
const REPLAY_PAGE = 500;

/** A fact with the business and sender that it belongs to. */
interface Routed {
  readonly fact: Fact;
  readonly businessId: string;
  readonly sender: Sender;
}

/** When the opt-out of a message counts, by the recipient it was recorded for. */
type OptOutTimes = ReadonlyMap<string, Instant>;

/**
 * Turns a verified delivery into commands. Resolves once every part of it is in the ledger, or kept as unrouted; a
 * delivery of which anything could not be kept rejects, and the provider sends it again, which changes nothing twice.
 */
@Injectable()
export class DeliveryIntake {
  private readonly linker: PeopleLinker;

  constructor(
    private readonly commands: CommandBus,
    private readonly parts: Parts,
  ) {
    this.linker = new PeopleLinker(commands, parts);
  }

  async take(rawBody: Uint8Array, caller: Caller): Promise<void> {
    const { facts, samePeople, unrouted, ignored } = readDelivery(rawBody);
    const { routed, strays } = this.routeAll(facts);
    this.count(routed.length, ignored);
    await this.record(routed, [...unrouted, ...strays.map(unroutedFact)], caller);
    // A sender that was bound while its strays were written, here or by another process, found none of them to replay;
    // nor has whoever took up an id that another gave up heard of an opt-out that came for it.
    const unsure = [...strays, ...routed.filter(({ sender }) => sender.retired).map(({ fact }) => fact)];
    if (unsure.length > 0 && !(await this.parts.view.meetOthers())) throw new StoreUnavailable('the ledger is behind');
    const found = this.routeAll(unsure).routed.filter((one) => !routed.some((known) => isSame(one, known)));
    if (found.length > 0) await this.record(found, [], caller);
    await this.linkAll(samePeople, caller);
  }

  /** Reads one kept part again and drops it if it went through in full. */
  async replay(id: string, caller: Caller): Promise<'replayed' | 'still_unrouted'> {
    const kept = await this.parts.vault.openUnrouted(id);
    if (!kept) throw new Refusal('NOT_FOUND', 'Nothing unrouted is kept under this id.');
    const { facts, samePeople, unrouted } = readDelivery(Buffer.from(kept.body));
    const { routed, strays } = this.routeAll(facts);
    await this.record(routed, [], caller, kept.entry.receivedAt);
    await this.linkAll(samePeople, caller, kept.entry.receivedAt);
    if (unrouted.length + strays.length > 0) return 'still_unrouted';
    await this.parts.vault.dropUnrouted([id]);
    return 'replayed';
  }

  /** What came in for a sender before it was bound; what does not go through now stays where it is. */
  async replayOf(provider: string, providerId: string, caller: Caller): Promise<void> {
    const failures: unknown[] = [];
    for (let look = REPLAY_PAGE; ;) {
      const waiting = await this.parts.vault.listUnroutedOf(provider, providerId, look);
      const outcomes = await this.replayAll(waiting, caller, failures);
      if (waiting.length < look) break;
      // A page of what no binding helps must not hide the opt-outs that came in behind it.
      if (!outcomes.includes('replayed')) look += REPLAY_PAGE;
    }
    if (failures.length > 0) throw failures[0];
  }

  /** One part that cannot be read does not keep those behind it from being replayed. */
  private async replayAll(waiting: readonly Unrouted[], caller: Caller, failures: unknown[]): Promise<string[]> {
    const outcomes: string[] = [];
    for (const { id, reason } of waiting) {
      if (reason !== 'unknown_sender') continue;
      outcomes.push(await this.replay(id, caller).catch((error: unknown) => (failures.push(error), 'failed')));
    }
    return outcomes;
  }

  /** The revocations first: a crash in between must leave the stop, not the window that its message opened. */
  private async record(
    routed: readonly Routed[],
    unrouted: readonly Part[],
    caller: Caller,
    heardAt?: Instant,
  ): Promise<void> {
    const optOuts = await this.revokeAll(routed, caller);
    await this.keep(unrouted);
    await this.recordAll(routed, optOuts, caller, heardAt);
  }

  private routeAll(facts: readonly Fact[]): { routed: Routed[]; strays: Fact[] } {
    const routed: Routed[] = [];
    const strays: Fact[] = [];
    for (const fact of facts) {
      const route = this.parts.view.catalogue.senderBy(PROVIDER, fact.providerId);
      // A retired sender still hears a STOP for its last business, and nothing else.
      if (route && !(route.sender.retired && !fact.optOut)) routed.push({ fact, ...route });
      else strays.push(fact);
    }
    return { routed, strays };
  }

  private async revokeAll(routed: readonly Routed[], caller: Caller): Promise<OptOutTimes> {
    const times = new Map<string, Instant>();
    const optOuts = routed.filter(({ fact }) => fact.optOut !== undefined);
    const tasks = optOuts.flatMap((one) =>
      this.peopleOf(one).map((person) => async () => {
        const { occurredAt } = await this.revoke(one, person, caller);
        times.set(`${one.fact.messageId} ${person.recipientId}`, occurredAt);
      }),
    );
    await allKept(tasks);
    return times;
  }

  private async revoke(one: Routed, person: NamedRecipient, caller: Caller, told?: Instant) {
    const { fact, businessId, sender } = one;
    const { recipientId } = person;
    const categories = fact.optOut?.categories ?? (['*'] as const);
    const revocation = {
      businessId,
      recipientId,
      operation: CHANNEL,
      channels: [CHANNEL] as const,
      purposes: [],
      categories,
      method: fact.isButton ? ('button' as const) : ('keyword' as const),
      sender: sender.senderId,
      ...claimOf(fact),
      ...(told === undefined ? {} : { claimed: { precision: 'instant', at: told } as const }),
      personal: { ...personalOf(fact, person), ...(fact.text ? { text: fact.text } : {}) },
      warnings: [],
      key: fact.messageId,
      // Of what comes under one id, an opt-out that says more than an earlier one is not a repeat of it.
      request: { operation: CHANNEL, messageId: fact.messageId, categories, ...(told === undefined ? {} : { told }) },
      oneRequestPerKey: true as const,
      caller,
    };
    return (await this.commands.execute(new RevokeConsent(revocation))).answer;
  }

  private async recordAll(
    routed: readonly Routed[],
    optOuts: OptOutTimes,
    caller: Caller,
    heardAt?: Instant,
  ): Promise<void> {
    // Whether a tap opens WhatsApp's window is not documented, so one that says stop does not.
    const written = routed.filter(({ fact }) => !fact.isButton);
    const tasks = written.flatMap((one) =>
      this.peopleOf(one).map((person) => async () => {
        const { fact, businessId, sender } = one;
        const notAfter = optOuts.get(`${fact.messageId} ${person.recipientId}`);
        const message = {
          businessId,
          recipientId: person.recipientId,
          channel: CHANNEL,
          sender: sender.senderId,
          kind: 'message',
          messageId: fact.messageId,
          ...claimOf(fact, heardAt),
          personal: personalOf(fact, person),
          ...(notAfter === undefined ? {} : { notAfter }),
          caller,
        } as const;
        const { answer } = await this.commands.execute(new RecordMessage(message));
        // A caller told of this very message before, and dated it later: the STOP itself must not open a window.
        if (notAfter !== undefined && answer.occurredAt > notAfter) {
          await this.revoke(one, person, caller, answer.occurredAt);
        }
      }),
    );
    await allKept(tasks);
  }

  /** Last, as it allows as well as denies: what came with it has been heard under both addresses by then. */
  private async linkAll(samePeople: readonly SamePerson[], caller: Caller, heardAt?: Instant): Promise<void> {
    const tasks = samePeople.flatMap((person) => {
      const route = this.parts.view.catalogue.senderBy(PROVIDER, person.providerId);
      if (route === undefined || route.sender.retired) return [];
      return [() => this.linker.link(route.businessId, person, caller, heardAt)];
    });
    await allKept(tasks);
  }

  /** Everybody that the message names: the same person under a phone and under a user id. */
  private peopleOf({ businessId, fact }: Routed): readonly NamedRecipient[] {
    return fact.addresses.flatMap((address) => {
      const recipient = recipientOf(address);
      if (fact.optOut) return nameRevoked(this.parts, businessId, recipient).recipients;
      const named = nameRecipient(this.parts, businessId, recipient);
      return named instanceof Refusal ? nameRevoked(this.parts, businessId, recipient).recipients : [named];
    });
  }

  private async keep(parts: readonly Part[]): Promise<void> {
    if (parts.length === 0) return;
    // What is left of a full disk is for revocations; the provider sends the rest again.
    if (this.parts.store.status().reserve === 'released') throw new StoreUnavailable('no space left on the disk');
    const receivedAt = instantOf(this.parts.clock.now());
    const items = parts.map(({ id, body, ...label }) => ({
      entry: { id: this.parts.ids.commandId('', 'unrouted', '', id), provider: PROVIDER, receivedAt, ...label },
      body,
    }));
    await this.parts.vault.keepUnrouted(items);
    for (const { entry } of items) this.parts.metrics.unrouted(entry.provider, entry.reason);
  }

  private count(facts: number, ignored: Readonly<Record<string, number>>): void {
    this.parts.metrics.webhookFacts(PROVIDER, 'message', facts);
    for (const [kind, n] of Object.entries(ignored)) this.parts.metrics.webhookFacts(PROVIDER, kind, n);
  }
}

function isSame(one: Routed, other: Routed): boolean {
  return one.fact === other.fact && one.businessId === other.businessId;
}

function recipientOf(address: PersonAddress): Readonly<Record<string, string>> {
  return address.kind === 'phone' ? { phone: `+${address.digits}` } : { whatsappUserId: address.value };
}

/** `heardAt`: when the delivery came in, where that was earlier: what it dates ahead of then counts as of then. */
function claimOf({ claimedSecond }: Fact, heardAt?: Instant): { claimed: ClaimedTime; claimedText?: string } {
  if (claimedSecond === undefined) return { claimed: { precision: 'unreadable' } };
  const at = heardAt !== undefined && claimedSecond > heardAt ? heardAt : claimedSecond;
  return { claimed: { precision: 'second', at }, claimedText: claimedSecond };
}

/** A message's id carries the number: it is sealed with that alone, so that nothing of it outlasts the number's erasure. */
function personalOf({ addresses, messageId }: Fact, { address }: NamedRecipient): Readonly<Record<string, string>> {
  const isFirst = address?.kind === addresses[0].kind;
  return {
    ...(address ? { address: address.given, addressKind: address.kind } : {}),
    ...(isFirst ? { messageId } : {}),
  };
}

/** A delivery of a thousand messages must not fill the queue that all others append through. */
const AT_ONCE = 100;

/** Carries out all, also when one fails, so that nothing is left half way unseen; then fails if any failed. */
async function allKept(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (let next = 0; next < tasks.length; next += AT_ONCE) {
    const settled = await Promise.allSettled(tasks.slice(next, next + AT_ONCE).map((task) => task()));
    for (const one of settled) if (one.status === 'rejected') failures.push(one.reason);
  }
  if (failures.length > 0) throw failures[0];
}
