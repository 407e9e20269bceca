import { createHash, timingSafeEqual } from 'node:crypto';
import { Refusal } from '#platform';
import { SCOPES, VaultUnavailable, parseApiKey, verifyApiKey, type Scope, type Vault } from '#vault';
import { businessNotFound } from './commands/register.js';
import { HeldKeys } from './held-keys.js';

/** Who calls. The admin key has every scope for every business. */
export interface Principal {
  readonly keyId: string;
  /** Undefined: all businesses. */
  readonly businessId?: string;
  readonly scopes: ReadonlySet<Scope>;
  readonly admin: boolean;
}

/** What a route asks of its caller. `admin` is the admin key alone; `none` asks nothing. */
export type Access = Scope | 'admin' | 'none';

const ADMIN: Principal = { keyId: 'admin', scopes: new Set(SCOPES), admin: true };

export interface KeyMemory {
  /** Most keys that are remembered. */
  readonly capacity: number;
  /** How long a key that another process deleted may still be taken; absent: no other process deletes any. */
  readonly maxAgeMs?: number;
  readonly clock: { monotonic(): number };
}

interface Known {
  readonly principal: Principal;
  /** When the vault last said that the key is there, and when it was last asked. */
  foundMs: number;
  askedMs: number;
  /** When it turned out that the vault could not be asked; undefined where it answered since. */
  excusedMs: number | undefined;
}

/**
 * Knows callers by their bearer keys. A key that was looked up once is remembered, so that the check route pays no hash
 * and no disk; `forget` is called when a key is deleted here. Where other processes delete keys too, each is looked up
 * again before it is too old, behind the back of whoever uses it. Nobody is turned away because the vault is away.
 */
export class Authenticator {
  private readonly known = new Map<string, Known>();
  private readonly held: HeldKeys;
  private readonly adminHash: Buffer;
  /** Keys deleted here so far: what was asked before one may have been answered before it too. */
  private deletions = 0;

  constructor(
    private readonly vault: Vault,
    adminKey: string,
    private readonly memory: KeyMemory,
  ) {
    this.adminHash = sha256(adminKey);
    this.held = new HeldKeys(vault);
  }

  async principalOf(authorization: string | undefined): Promise<Principal> {
    const remembered = this.remembered(authorization);
    if (remembered) return remembered;
    if (authorization === undefined) throw unauthenticated();
    const known = this.known.get(authorization);
    const principal = await this.lookUp(authorization).catch((error: unknown) => {
      if (known && error instanceof VaultUnavailable) return known.principal;
      throw error;
    });
    if (!principal) throw unauthenticated();
    return principal;
  }

  /** The principal if it is remembered already: no promise on the hot path. */
  remembered(authorization: string | undefined): Principal | undefined {
    const known = authorization === undefined ? undefined : this.known.get(authorization);
    if (authorization === undefined || known === undefined) return undefined;
    return this.isFresh(authorization, known) ? known.principal : undefined;
  }

  forget(keyId: string): void {
    this.deletions++;
    for (const [authorization, { principal }] of this.known) {
      if (principal.keyId === keyId) this.known.delete(authorization);
    }
    this.held.gone(keyId);
  }

  /** For who is answered for hours: calls `onGone` once the key is deleted, until what is returned is called. */
  hold({ keyId, admin }: Principal, onGone: () => void): () => void {
    return admin ? () => undefined : this.held.hold(keyId, onGone);
  }

  private isFresh(authorization: string, known: Known): boolean {
    const { maxAgeMs, clock } = this.memory;
    if (maxAgeMs === undefined) return true;
    const now = clock.monotonic();
    const isDue = now - known.foundMs > maxAgeMs / 2 && now - known.askedMs > maxAgeMs / 4;
    if (isDue) this.lookUp(authorization).catch(() => undefined);
    // A vault that was away may be back by now: whether it still is, is found out while the caller waits.
    const isExcused = known.excusedMs !== undefined && now - known.excusedMs <= maxAgeMs / 2;
    return isExcused || now - known.foundMs <= maxAgeMs;
  }

  /** Asks the vault, and remembers what it says; undefined where there is no such key. */
  private async lookUp(authorization: string): Promise<Principal | undefined> {
    const askedMs = this.memory.clock.monotonic();
    const { deletions } = this;
    const known = this.known.get(authorization);
    if (known) known.askedMs = askedMs;
    try {
      const secret = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization)?.[1];
      const principal = secret === undefined ? undefined : await this.find(secret);
      if (!principal) this.known.delete(authorization);
      else if (deletions === this.deletions) this.remember(authorization, principal, askedMs);
      return principal;
    } catch (error) {
      if (known) known.excusedMs = error instanceof VaultUnavailable ? this.memory.clock.monotonic() : undefined;
      throw error;
    }
  }

  private async find(secret: string): Promise<Principal | undefined> {
    if (timingSafeEqual(sha256(secret), this.adminHash)) return ADMIN;
    const parsed = parseApiKey(secret);
    const key = parsed && (await this.vault.findApiKey(parsed.keyId));
    if (!key || !verifyApiKey(key, secret)) return undefined;
    const business = key.businessId === undefined ? {} : { businessId: key.businessId };
    return { keyId: key.keyId, scopes: new Set(key.scopes), admin: false, ...business };
  }

  /** As of when it was asked: the key may have been deleted while the answer was under way. */
  private remember(authorization: string, principal: Principal, askedMs: number): void {
    const isNew = !this.known.has(authorization);
    const oldest = isNew && this.known.size >= this.memory.capacity ? this.known.keys().next().value : undefined;
    if (oldest !== undefined) this.known.delete(oldest);
    this.known.set(authorization, { principal, foundMs: askedMs, askedMs, excusedMs: undefined });
  }
}

/** A business that the key may not see is answered like one that does not exist, before any word about scopes. */
export function authorize(principal: Principal, access: Access, businessId: string | undefined): void {
  const foreign = businessId !== undefined && principal.businessId !== undefined && principal.businessId !== businessId;
  if (foreign) throw businessNotFound();
  const allowed = access === 'none' || principal.admin || (access !== 'admin' && principal.scopes.has(access));
  if (!allowed) throw forbidden(access);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

export function unauthenticated(): Refusal {
  return new Refusal('UNAUTHENTICATED', 'Send "Authorization: Bearer <key>" with a key that is in use.');
}

function forbidden(access: Access): Refusal {
  const needed = access === 'admin' ? 'the admin key' : `a key with the scope ${access}`;
  return new Refusal('FORBIDDEN', `This route needs ${needed}.`);
}
