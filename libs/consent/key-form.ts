/** What a business may know a person by. `whatsapp_user_id` is Meta's business-scoped user id. */
export const ADDRESS_KINDS = ['phone', 'email', 'whatsapp_user_id'] as const;
export type AddressKind = (typeof ADDRESS_KINDS)[number];

/**
 * The one spelling of an address that its recipient id is made from. A phone number comes as E.164, with or without
 * `+`, and leaves as digits, the variants of one line folded into one; the other kinds come normalised already and pass
 * through. Applying it twice changes nothing, so an id can be made from a stored key form too.
 */
export function keyForm(kind: AddressKind, normalised: string): string {
  return kind === 'phone' ? foldVariants(normalised.startsWith('+') ? normalised.slice(1) : normalised) : normalised;
}

/** Length of each variant that is folded, and of no number that stays: the same digits in another length are left alone. */
const VARIANT_LENGTH = 13;

/**
 * Mexican mobiles lost their `1` in 2019 and WhatsApp still writes it; Argentine mobiles are written with `9` from
 * abroad and without at home; Brazilian mobiles got a ninth digit and WhatsApp writes the older accounts without it.
 * A Brazilian subscriber number of eight digits is a mobile's where it begins with 6 to 9, else a fixed line's.
 */
function foldVariants(digits: string): string {
  if (digits.length !== VARIANT_LENGTH) return digits;
  if (digits.startsWith('521') || digits.startsWith('549')) return withoutDigitAt(digits, 2);
  const isLongBrazilianMobile = digits.startsWith('55') && digits[4] === '9' && digits.charAt(5) >= '6';
  return isLongBrazilianMobile ? withoutDigitAt(digits, 4) : digits;
}

function withoutDigitAt(digits: string, index: number): string {
  return digits.slice(0, index) + digits.slice(index + 1);
}
