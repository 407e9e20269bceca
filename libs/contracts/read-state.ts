import {
  ALL,
  CATEGORIES,
  CHANNELS,
  EMPTY_STATE,
  LINK_KINDS,
  keepBlock,
  keepConfirmation,
  keepContact,
  keepGrant,
  keepLink,
  keepPreference,
  keepRevocation,
  type Basis,
  type LinkCell,
  type RecipientState,
  type RevocationCell,
} from '#consent';
import {
  Doubt,
  eachIn,
  flagIn,
  instantIn,
  optionalIn,
  positionIn,
  readValue,
  textIn,
  wordIn,
  type Members,
  type NotUnderstood,
} from './reading.js';
import type { OwnState } from './state-codec.js';

const CHANNEL_OR_ALL = [...CHANNELS, ALL] as const;
const CATEGORY_OR_ALL = [...CATEGORIES, ALL] as const;
const ROLES = ['old', 'new'] as const;

/**
 * Reads a state so that it can be judged and joined. One member that is not understood makes the whole of it so, since
 * a no may be in it; members that are not known are ignored. What the record does not say of an event is made up:
 * revision empty, recorded when it occurred.
 */
export function readStateRecord(bytes: Uint8Array | null): OwnState | NotUnderstood {
  return readValue(bytes, readState);
}

function readState(members: Members): OwnState {
  const recipientId = textIn(members, 'recipientId');
  const cells = new CellReader(members, recipientId);
  return {
    businessId: textIn(members, 'businessId'),
    recipientId,
    position: positionIn(members, 'position'),
    state: cells.state(),
  };
}

/** Puts the cells of one record into a state, each by the rules' own join, whatever their order. */
class CellReader {
  private readonly consent: string;
  private readonly conversation: string;

  constructor(
    private readonly members: Members,
    recipientId: string,
  ) {
    this.consent = `consent-${recipientId}`;
    this.conversation = `conversation-${recipientId}`;
  }

  state(): RecipientState {
    const { members } = this;
    let state = this.ends();
    eachIn(members, 'grants', (cell) => (state = keepGrant(state, this.grant(cell))));
    eachIn(members, 'revocations', (cell) => (state = keepRevocation(state, this.revocation(cell))));
    eachIn(members, 'preferences', (cell) => (state = keepPreference(state, this.preference(cell))));
    eachIn(members, 'blocks', (cell) => {
      const channel = wordIn(cell, 'channel', CHANNEL_OR_ALL);
      state = keepBlock(state, { channel, ...this.basis('ConsentRevoked', cell) });
    });
    eachIn(members, 'contacts', (cell) => {
      const channel = wordIn(cell, 'channel', CHANNELS);
      const sender = textIn(cell, 'sender');
      state = keepContact(state, { channel, sender, ...this.basis('UserMessaged', cell) });
    });
    eachIn(members, 'confirmations', (cell) => (state = keepConfirmation(state, this.confirmation(cell))));
    eachIn(members, 'links', (cell) => (state = keepLink(state, this.link(cell))));
    return state;
  }

  private ends(): RecipientState {
    const erased = this.flagged('RecipientErased', 'erased', 'erasedAt', 'erasureEventId');
    const unreadable = this.flagged('Unreadable', 'unreadable', 'unreadableAt', 'unreadableEventId');
    return { ...EMPTY_STATE, ...(erased ? { erased } : {}), ...(unreadable ? { unreadable } : {}) };
  }

  /** A flag that is not set beside an instant that is: one of the two is wrong. */
  private flagged(type: string, flag: string, at: string, id: string): Basis | undefined {
    const { members } = this;
    if (flagIn(members, flag)) return this.basis(type, members, at, id);
    if (members[at] !== undefined || members[id] !== undefined) throw new Doubt(flag);
    return undefined;
  }

  private grant(cell: Members) {
    const expiresAt = optionalIn(cell, 'expiresAt', instantIn);
    return {
      channel: wordIn(cell, 'channel', CHANNELS),
      purpose: textIn(cell, 'purpose'),
      ...this.basis('ConsentGranted', cell),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
  }

  private revocation(cell: Members): RevocationCell {
    const channel = wordIn(cell, 'channel', CHANNEL_OR_ALL);
    const purpose = optionalIn(cell, 'purpose', textIn);
    const basis = this.basis('ConsentRevoked', cell);
    if (purpose === undefined) return { channel, category: wordIn(cell, 'category', CATEGORY_OR_ALL), ...basis };
    if (cell.category !== undefined) throw new Doubt('category');
    return { channel, purpose, ...basis };
  }

  private preference(cell: Members) {
    const stop = this.optionalBasis('ConsentRevoked', cell, 'stoppedAt', 'stopEventId');
    const resume = this.optionalBasis('PreferenceResumed', cell, 'resumedAt', 'resumeEventId');
    return {
      channel: wordIn(cell, 'channel', CHANNELS),
      sender: textIn(cell, 'sender'),
      ...(stop ? { stop } : {}),
      ...(resume ? { resume } : {}),
    };
  }

  private confirmation(cell: Members) {
    const basis = this.basis('ConsentRevoked', cell);
    const confirmation = { until: instantIn(cell, 'until'), ...basis };
    return { channel: wordIn(cell, 'channel', CHANNEL_OR_ALL), stoppedAt: basis.occurredAt, confirmation };
  }

  private link(cell: Members): LinkCell {
    const link = this.optionalBasis('RecipientLinked', cell, 'linkedAt', 'linkEventId');
    const unlink = this.optionalBasis('RecipientUnlinked', cell, 'unlinkedAt', 'unlinkEventId');
    return {
      recipientId: textIn(cell, 'recipientId'),
      ...(link ? { link: { ...link, ...kindAndRole(cell) } } : {}),
      ...(unlink ? { unlink } : {}),
    };
  }

  /** Both the instant and the id, or neither: with one of them alone the record is not as it was written. */
  private optionalBasis(type: string, cell: Members, at: string, id: string): Basis | undefined {
    if (cell[at] === undefined && cell[id] === undefined) return undefined;
    return this.basis(type, cell, at, id);
  }

  private basis(type: string, cell: Members, at = 'occurredAt', id = 'eventId'): Basis {
    const occurredAt = instantIn(cell, at);
    return {
      eventId: textIn(cell, id),
      type,
      stream: type === 'UserMessaged' ? this.conversation : this.consent,
      revision: '',
      occurredAt,
      recordedAt: occurredAt,
    };
  }
}

function kindAndRole(cell: Members) {
  const role = optionalIn(cell, 'role', (members, name) => wordIn(members, name, ROLES));
  return { kind: wordIn(cell, 'kind', LINK_KINDS), ...(role === undefined ? {} : { role }) };
}
