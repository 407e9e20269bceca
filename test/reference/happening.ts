import type { Category, Channel, ConsentEvent, Instant } from '#consent';

/** One thing that happened, and to whom. */
export interface Happening {
  readonly recipientId: string;
  readonly eventId: string;
  readonly event: ConsentEvent;
}

export type Of<T extends ConsentEvent['type']> = Happening & { readonly event: Extract<ConsentEvent, { type: T }> };

export const FOREVER = '9999-12-31T23:59:59.999Z';

export interface Life {
  readonly after: Instant;
  readonly until: Instant;
}

export function timeOf({ event }: Happening): Instant {
  return event.data.occurredAt;
}

export function endOf({ event }: Of<'ConsentGranted'>): Instant {
  return event.data.expiresAt ?? FOREVER;
}

export function plus(instant: Instant, ms: number): Instant {
  return new Date(Date.parse(instant) + ms).toISOString();
}

export function isIn({ after, until }: Life, instant: Instant): boolean {
  return after < instant && instant <= until;
}

function byTime(a: Happening, b: Happening): number {
  return `${timeOf(a)} ${a.eventId}` < `${timeOf(b)} ${b.eventId}` ? -1 : 1;
}

export function latestOf<H extends Happening>(happenings: readonly H[]): H | undefined {
  return [...happenings].sort(byTime).at(-1);
}

export function byEndThenTime(a: Of<'ConsentGranted'>, b: Of<'ConsentGranted'>): number {
  return endOf(a) === endOf(b) ? byTime(a, b) : endOf(a) < endOf(b) ? -1 : 1;
}

/** Greatest `confirmUntil` first, then the latest. */
export function byConfirmation(a: Of<'ConsentRevoked'>, b: Of<'ConsentRevoked'>): number {
  const [aUntil, bUntil] = [a.event.data.confirmUntil as Instant, b.event.data.confirmUntil as Instant];
  return aUntil === bUntil ? byTime(b, a) : aUntil > bUntil ? -1 : 1;
}

export function isOn(event: Of<'ConsentRevoked'>['event'], channel: Channel): boolean {
  return event.data.channels.some((one) => one === '*' || one === channel);
}

export function covers(
  event: Of<'ConsentRevoked'>['event'],
  { channel, purpose, category }: { readonly channel: Channel; readonly purpose: string; readonly category: Category },
): boolean {
  const ofCategory = event.data.categories.some((one) => one === '*' || one === category);
  return isOn(event, channel) && (ofCategory || event.data.purposes.includes(purpose));
}

/** A stop that was set with the provider, for marketing alone, in the name of one sender: only this a resume can lift. */
export function isProvidersStop({ event: { data } }: Of<'ConsentRevoked'>): boolean {
  const ofMarketingAlone = data.purposes.length === 0 && data.categories.join() === 'marketing';
  const onNamedChannels = !data.channels.some((channel) => channel === '*');
  return data.method === 'provider_preference' && data.sender !== undefined && ofMarketingAlone && onNamedChannels;
}
