import { createHash, timingSafeEqual } from 'node:crypto';
import { Refusal } from '#platform';
import { SCOPES, parseApiKey, verifyApiKey, type Scope, type Vault } from '#vault';
import { businessNotFound } from './commands/register.js';

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

/**
 * Knows callers by their bearer keys. A key that was looked up once is remembered, so that the check route pays no hash
 * and no disk; `forget` is called when a key is deleted.
 */
export class Authenticator {
  private readonly known = new Map<string, Principal>();
  private readonly adminHash: Buffer;

  constructor(
    private readonly vault: Vault,
    adminKey: string,
    private readonly capacity: number,
  ) {
    this.adminHash = sha256(adminKey);
  }

  async principalOf(authorization: string | undefined): Promise<Principal> {
    const remembered = authorization === undefined ? undefined : this.known.get(authorization);
    if (remembered) return remembered;
    const secret = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1];
    const principal = secret === undefined ? undefined : await this.find(secret);
    if (!principal || authorization === undefined) throw unauthenticated();
    this.remember(authorization, principal);
    return principal;
  }

  /** The principal if it is remembered already: no promise on the hot path. */
  remembered(authorization: string | undefined): Principal | undefined {
    return authorization === undefined ? undefined : this.known.get(authorization);
  }

  forget(keyId: string): void {
    for (const [authorization, principal] of this.known) {
      if (principal.keyId === keyId) this.known.delete(authorization);
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

  private remember(authorization: string, principal: Principal): void {
    const oldest = this.known.size >= this.capacity ? this.known.keys().next().value : undefined;
    if (oldest !== undefined) this.known.delete(oldest);
    this.known.set(authorization, principal);
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

function unauthenticated(): Refusal {
  return new Refusal('UNAUTHENTICATED', 'Send "Authorization: Bearer <key>" with a key that is in use.');
}

function forbidden(access: Access): Refusal {
  const needed = access === 'admin' ? 'the admin key' : `a key with the scope ${access}`;
  return new Refusal('FORBIDDEN', `This route needs ${needed}.`);
}
