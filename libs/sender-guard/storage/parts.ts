/** The parts that a packed state may have, a bit each: those that a person has no cells of take no room. */
export const PART = {
  grants: 1,
  revocations: 2,
  preferences: 4,
  blocks: 8,
  contacts: 16,
  confirmations: 32,
  links: 64,
  ends: 128,
} as const;

/** How an event's id and instant are written. A number from `FIRST_KNOWN` on is one that stood before in this state. */
export const EVENT = { packed: 0, spelled: 1, firstKnown: 2 } as const;

/** What may be there or not within a cell, a bit each. */
export const GRANT = { expires: 1 } as const;
export const REVOCATION = { ofPurpose: 1, ofCategory: 2 } as const;
export const PREFERENCE = { stop: 1, resume: 2 } as const;
export const LINK = { link: 1, unlink: 2, role: 4, packedId: 8 } as const;
export const END = { erased: 1, unreadable: 2 } as const;
export const CONFIRMATION = { confirmable: 1 } as const;
