import {
  CATEGORIES,
  CHANNELS,
  REQUIREMENTS,
  type BusinessState,
  type Policy,
  type Purpose,
  type Sender,
} from '#consent';
import {
  Doubt,
  asMembers,
  eachIn,
  flagIn,
  readValue,
  textIn,
  wordIn,
  type Members,
  type NotUnderstood,
} from './reading.js';
import type { CatalogueRecord } from './records.js';

/** A business's register as far as a decision needs it: neither titles nor addresses. */
export function catalogueRecordOf(businessId: string, revision: string, state: BusinessState): CatalogueRecord {
  return {
    businessId,
    revision,
    unreadable: state.unreadable === true,
    purposes: state.purposes.map(({ purposeId, category, requires, retired }) => ({
      ...{ purposeId, category, requires },
      retired: retired === true,
    })),
    senders: state.senders.map(({ senderId, channel, retired }) => ({ senderId, channel, retired: retired === true })),
    policy: state.policy,
  };
}

export interface ReadCatalogue {
  readonly businessId: string;
  readonly revision: string;
  /** As `topicUnder` and `judgeUnder` take it; titles and addresses are empty, every provider is `other`. */
  readonly register: BusinessState;
}

/** Where it is not understood, nobody of the business (the record's key) is eligible. */
export function readCatalogueRecord(bytes: Uint8Array | null): ReadCatalogue | NotUnderstood {
  return readValue(bytes, readCatalogue);
}

function readCatalogue(members: Members): ReadCatalogue {
  const purposes: Purpose[] = [];
  const senders: Sender[] = [];
  eachIn(members, 'purposes', (cell) => purposes.push(purposeIn(cell)));
  eachIn(members, 'senders', (cell) => senders.push(senderIn(cell)));
  const register = { policy: policyIn(members), purposes, senders, disclosures: [] };
  return {
    businessId: textIn(members, 'businessId'),
    revision: textIn(members, 'revision'),
    register: flagIn(members, 'unreadable') ? { ...register, unreadable: true } : register,
  };
}

function purposeIn(cell: Members): Purpose {
  return {
    purposeId: textIn(cell, 'purposeId'),
    category: wordIn(cell, 'category', CATEGORIES),
    title: '',
    requires: wordIn(cell, 'requires', REQUIREMENTS),
    ...(flagIn(cell, 'retired') ? { retired: true } : {}),
  };
}

function senderIn(cell: Members): Sender {
  return {
    senderId: textIn(cell, 'senderId'),
    channel: wordIn(cell, 'channel', CHANNELS),
    provider: 'other',
    address: '',
    ...(flagIn(cell, 'retired') ? { retired: true } : {}),
  };
}

function policyIn(members: Members): Policy {
  const policy = asMembers(members.policy, 'policy');
  for (const value of Object.values(policy)) {
    if (!['string', 'number', 'boolean'].includes(typeof value)) throw new Doubt('policy');
  }
  return policy as Policy;
}
