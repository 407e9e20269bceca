import type { PreferenceCell, RecipientState } from '#consent';

/** What all positions of a ledger begin with. */
export function prefixOf(position: string): string {
  return position.slice(0, position.lastIndexOf('.') + 1);
}

/**
 * What counts of a state that another ledger told than the one that is followed. That one was lost, and what it had heard
 * last may be in no ledger any more: its noes stay, and what it allowed the ledger of now must tell itself.
 */
export function noesOf(state: RecipientState): RecipientState {
  const preferences = state.preferences.flatMap(stopOf);
  return { ...state, grants: [], contacts: [], confirmations: [], preferences };
}

function stopOf({ channel, sender, stop }: PreferenceCell): readonly PreferenceCell[] {
  return stop ? [{ channel, sender, stop }] : [];
}
