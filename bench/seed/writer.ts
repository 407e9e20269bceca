import {
  EMPTY_STATE,
  EVENT_SCHEMA,
  addMs,
  decideGrant,
  decideMessage,
  decideRevocation,
  type ConsentEvent,
  type Instant,
} from '#consent';
import { openSqliteStore, writeEvent, type NewEvent, type SqliteStore } from '#event-store';
import { RecipientIds, openSecrets, openSqliteVault, type Vault } from '#vault';
import { BUSINESS, DISCLOSURE, SENDER, TOPIC, phoneOf, type Act } from './people.js';

const ACTOR = 'bench';
/** Data keys kept in memory while the seed is written: those of everybody, or each later act would look its key up. */
const CACHED_KEYS = 1_000_000;

/** Writes people's acts as the service would have written them, straight into the ledger and vault of a founded directory. */
export class SeedWriter {
  private constructor(
    private readonly store: SqliteStore,
    private readonly vault: Vault,
    readonly ids: RecipientIds,
  ) {}

  static async open(dataDir: string): Promise<SeedWriter> {
    const store = await openSqliteStore({ dataDir, diskReserveMb: 1 });
    const { pepper, keyEncryptionKey } = openSecrets({ dataDir, ledgerExists: true, vaultExists: true });
    const vault = await openSqliteVault({ dataDir, keyEncryptionKey, limits: { cachedDataKeys: CACHED_KEYS } });
    return new SeedWriter(store, vault, new RecipientIds(pepper));
  }

  /** Resolves once the act is durable. `at` is when the person acted and when it was heard. */
  async act(person: number, act: Act, at: Instant): Promise<void> {
    const { stream, event } = await this.eventOf(person, act, at);
    await this.store.append(stream, [event], 'any');
  }

  /** The event of an act as it will be stored, sealed part included. */
  async eventOf(person: number, act: Act, at: Instant): Promise<{ stream: string; event: NewEvent }> {
    const recipientId = this.recipientId(person);
    const commandId = this.ids.commandId(BUSINESS, OPERATIONS[act], recipientId, `${act} ${at}`);
    const eventId = this.ids.eventId(commandId, 0);
    const { type, data } = decide(act, at);
    const personal = { address: phoneOf(person), addressKind: 'phone', ...moreOf(act, commandId) };
    const sealed = await this.vault.seal(recipientId, eventId, personal);
    const metadata = {
      ...metadataOf(commandId, at),
      ...(act === 'message' ? {} : { fingerprint: this.ids.fingerprint([person, act, at]) }),
    };
    const category = act === 'message' ? 'conversation' : 'consent';
    return { stream: `${category}-${recipientId}`, event: writeEvent(eventId, type, { ...data, sealed }, metadata) };
  }

  recipientId(person: number): string {
    return this.ids.recipientId(BUSINESS, 'phone', phoneOf(person).slice(1));
  }

  async close(): Promise<void> {
    await this.vault.close();
    await this.store.close();
  }
}

const OPERATIONS = { grant: 'grants', stop: 'revocations', message: 'messages' } as const;

function decide(act: Act, now: Instant): ConsentEvent {
  const facts = { businessId: BUSINESS, now, claimed: { precision: 'instant', at: now } } as const;
  switch (act) {
    case 'grant': {
      const purposes = [{ id: TOPIC.purpose, category: 'marketing' }] as const;
      const scope = { channels: [TOPIC.channel], purposes, method: 'web_form', disclosure: DISCLOSURE } as const;
      const decision = decideGrant(EMPTY_STATE, { ...facts, ...scope });
      if ('refused' in decision) throw new Error(`the seed's grant was refused: ${decision.refused}`);
      return decision.event;
    }
    case 'stop': {
      const scope = { channels: [TOPIC.channel], purposes: [], categories: ['*'], method: 'keyword' } as const;
      return decideRevocation(EMPTY_STATE, { ...facts, ...scope });
    }
    case 'message':
      return decideMessage({ ...facts, channel: TOPIC.channel, sender: SENDER, kind: 'message' }).event;
  }
}

function moreOf(act: Act, commandId: string): Readonly<Record<string, string>> {
  if (act === 'message') return { messageId: `wamid.${commandId}` };
  return act === 'grant' ? { 'evidence.form': 'signup-2026' } : {};
}

function metadataOf(commandId: string, at: Instant) {
  const ids = { $correlationId: commandId, $causationId: commandId, commandId, actor: ACTOR };
  return { ...ids, occurredAt: at, recordedAt: addMs(at, 1), schema: EVENT_SCHEMA };
}
