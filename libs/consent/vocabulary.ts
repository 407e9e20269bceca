/** The closed lists of words that events, questions and answers are made of. `docs/glossary.md` explains each. */

export const CHANNELS = ['whatsapp', 'sms', 'email', 'voice', 'rcs'] as const;
export type Channel = (typeof CHANNELS)[number];

export const CATEGORIES = ['marketing', 'utility', 'authentication', 'service'] as const;
export type Category = (typeof CATEGORIES)[number];

/** What a purpose needs before it may be used: a standing consent, or merely that nobody objected. */
export const REQUIREMENTS = ['consent', 'no_objection'] as const;
export type Requirement = (typeof REQUIREMENTS)[number];

export const GRANT_METHODS = [
  'web_form',
  'sms',
  'whatsapp_thread',
  'phone_call',
  'ivr',
  'paper_form',
  'in_person',
  'qr_code',
  'in_app_signup',
  'keyword',
  'correction',
  'api',
  'import',
] as const;
export type GrantMethod = (typeof GRANT_METHODS)[number];

export const REVOCATION_METHODS = [
  'keyword',
  'button',
  'preference_page',
  'one_click',
  'provider_preference',
  'provider_error',
  'provider_opt_out',
  'block',
  'phone_call',
  'email',
  'paper_form',
  'in_person',
  'operator',
  'api',
  'import',
] as const;
export type RevocationMethod = (typeof REVOCATION_METHODS)[number];

export const MESSAGE_KINDS = ['message', 'button', 'call'] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** What a business can say of two recipients. */
export const STATED_LINK_KINDS = ['same_person', 'changed_number'] as const;
/** `same_number`: a provider names an id with a number that it has named with another id before. Only noes cross it. */
export const LINK_KINDS = [...STATED_LINK_KINDS, 'same_number'] as const;
export type StatedLinkKind = (typeof STATED_LINK_KINDS)[number];
export type LinkKind = (typeof LINK_KINDS)[number];

/** Everything of a dimension: every channel, or every category, also those that do not exist yet. */
export const ALL = '*';
export type All = typeof ALL;

/** The shape of `businessId`, `purposeId`, `senderId` and `disclosureId`. */
export const ID_PATTERN = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** Purposes that every business has without registering them. */
export const SERVICE_PURPOSE = 'service';
export const CONFIRMATION_PURPOSE = 'opt_out_confirmation';

/** One published version of the wording a person saw or heard. */
export interface DisclosureRef {
  readonly id: string;
  readonly version: number;
}

export function isOneOf<T extends string>(list: readonly T[], value: unknown): value is T {
  return (list as readonly unknown[]).includes(value);
}
