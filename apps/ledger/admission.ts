import { Refusal, type Role } from '#platform';
import { authorize, type Access, type Principal } from './authenticate.js';
import { businessNotFound } from './commands/register.js';
import type { Parts } from './parts.js';

/** What a request asks of its caller and of the register, over HTTP as over gRPC. */
export interface Asks {
  readonly access: Access;
  /** An opt-out passes every limit, and no doubt about the register keeps it out. */
  readonly revocation?: boolean;
  /** Registers the business itself: it need not exist yet. */
  readonly founds?: boolean;
  /** The part of the service that answers; absent: every process does. */
  readonly role?: Role;
}

/** Throws where this process does not run that part of the service. */
export function requireRole({ config }: Parts, role: Role | undefined): void {
  if (role === undefined || config.roles.includes(role)) return;
  throw new Refusal('NOT_CONFIGURED', `This process does not run the role ${role}: ask one that does.`);
}

/** Throws where the key may not do this for the business, or there is no such business. */
export function requireAdmitted(
  parts: Parts,
  principal: Principal,
  { access, revocation, founds, role }: Asks,
  businessId: string | undefined,
): void {
  requireRole(parts, role);
  authorize(principal, access, businessId);
  const vouched = founds === true || (revocation === true && principal.businessId !== undefined);
  const unknown = businessId !== undefined && !parts.view.catalogue.business(businessId)?.state.profile;
  if (unknown && !vouched) throw businessNotFound();
}
