import { DAY_MS, MINUTE_MS, addMs, oneDayAfter, type Instant } from './instant.js';
import { ALL, type All, type Category, type Channel, type Requirement, type RevocationMethod } from './vocabulary.js';

/**
 * The first instant at which a business may no longer reply, 24 hours after a message or call. Source: WhatsApp's customer
 * service window.
 */
export function windowEnd(contactedAt: Instant): Instant {
  return oneDayAfter(contactedAt);
}

/** Whether that end has come, told without reckoning it: of all that are asked about at one instant most have. */
export function isWindowOver(contactedAt: Instant, now: Instant): boolean {
  if (now !== lastAsked.now) lastAsked = { now, dayBefore: addMs(now, -DAY_MS) };
  return contactedAt <= lastAsked.dayBefore;
}

let lastAsked = { now: '', dayBefore: '' };

/** How long after an opt-out one confirmation may be sent. Source: 47 CFR 64.1200(a)(12). */
export const CONFIRMATION_MS = 5 * MINUTE_MS;

/** Two automatic opt-outs closer than this set off one confirmation at most, or two machines could answer each other. */
export const CONFIRMATION_PAUSE_MS = 24 * 60 * MINUTE_MS;

/** How far ahead of the ledger's clock a source's clock may be before its grant is refused. */
export const CLOCK_TOLERANCE_MS = 5 * MINUTE_MS;

/** What a revocation covers of channels and of purposes where it does not say. */
export interface Scope {
  readonly channels: readonly Channel[] | readonly [All];
  readonly categories: readonly Category[] | readonly [All];
}

/** The scope that a method implies where the request names none; `channel` is the one it came in on, if any. */
export function defaultScopeOf(method: RevocationMethod, channel: Channel | undefined): Scope {
  const onChannel: Scope['channels'] = channel === undefined ? [ALL] : [channel];
  switch (method) {
    case 'keyword':
    case 'provider_opt_out':
    case 'block':
      return { channels: onChannel, categories: [ALL] };
    case 'provider_preference':
    case 'button':
    case 'one_click':
    case 'preference_page':
      return { channels: onChannel, categories: ['marketing'] };
    case 'provider_error':
    case 'phone_call':
    case 'email':
    case 'paper_form':
    case 'in_person':
    case 'operator':
    case 'api':
    case 'import':
      return { channels: [ALL], categories: [ALL] };
  }
}

/** The opt-outs that a machine took from the person's own hand on the channel: only these may be confirmed there. */
export function isAutomaticStop(method: RevocationMethod): boolean {
  return method === 'keyword' || method === 'button' || method === 'provider_opt_out';
}

/** What a purpose requires on a channel: marketing always consent, and WhatsApp always consent. */
export function requirementOn(channel: Channel, category: Category, registered: Requirement): Requirement {
  return channel === 'whatsapp' || category === 'marketing' ? 'consent' : registered;
}

/**
 * What a WhatsApp error code says about consent. Only 131050 is the person's wish; the others (131047 window closed,
 * 131049 and 130472 Meta's own limits, 131026 undeliverable, 131056 pace) are technical and never become an opt-out.
 * Not called yet: a status with 131050 is kept unrouted.
 */
export function whatsappErrorScope(code: number): Scope | undefined {
  return code === 131050 ? { channels: ['whatsapp'], categories: ['marketing'] } : undefined;
}
