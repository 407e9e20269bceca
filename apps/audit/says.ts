import { ALL, type BusinessEvent, type ConsentEvent, type ConsentGranted, type ConsentRevoked } from '#consent';
import type { Content } from './shown.js';

/** What an event says, in a few words for people. Nothing personal: that is sealed, or not kept at all. */
export function says(content: Content): string {
  switch (content.kind) {
    case 'recipient':
      return ofRecipient(content.event);
    case 'register':
      return ofRegister(content.event);
    case 'other':
      return '';
    case 'unreadable':
      return 'UNREADABLE: this version does not understand it, so the answer is no';
  }
}

function ofRecipient(event: Exclude<ConsentEvent, { type: 'Unreadable' }>): string {
  switch (event.type) {
    case 'ConsentGranted':
      return ofGrant(event.data);
    case 'ConsentRevoked':
      return ofRevocation(event.data);
    case 'PreferenceResumed':
      return `marketing of ${event.data.sender} on ${event.data.channel}, at the provider`;
    case 'RecipientLinked':
      return `${event.data.kind}${event.data.role ? `, here the ${event.data.role} number` : ''}: ${event.data.other}`;
    case 'RecipientUnlinked':
      return `no longer: ${event.data.other}`;
    case 'RecipientErased':
      return 'the keys were destroyed';
    case 'UserMessaged':
      return `${event.data.kind} to ${event.data.sender} on ${event.data.channel}`;
  }
}

function ofGrant({ purposes, channels, method, disclosure, expiresAt }: ConsentGranted['data']): string {
  const shown = disclosure ? `, having seen ${disclosure.id} version ${disclosure.version}` : ', no disclosure';
  const end = expiresAt === undefined ? '' : `, until ${expiresAt}`;
  return `${purposes.join(', ')} on ${channels.join(', ')} by ${method}${shown}${end}`;
}

function ofRevocation({ purposes, categories, channels, method, sender }: ConsentRevoked['data']): string {
  const what = [...purposes, ...categories.map((one) => (one === ALL ? 'everything' : `all ${one}`))].join(', ');
  const where = channels[0] === ALL ? 'every channel' : channels.join(', ');
  return `${what} on ${where} by ${method}${sender === undefined ? '' : `, told to ${sender}`}`;
}

function ofRegister({ type, data }: BusinessEvent): string {
  switch (type) {
    case 'BusinessRegistered':
      return data.displayName;
    case 'PolicySet':
      return Object.keys(data.policy).join(', ');
    case 'PurposeRegistered':
      return `${data.purposeId}: ${data.category}, requires ${data.requires}`;
    case 'PurposeRetired':
      return data.purposeId;
    case 'DisclosurePublished':
      return `${data.disclosureId} version ${data.version}`;
    case 'DisclosureRetired':
      return data.disclosureId;
    case 'SenderRegistered':
      return `${data.senderId} on ${data.channel}`;
    case 'SenderRetired':
      return data.senderId;
  }
}
