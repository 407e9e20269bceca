import type { Vault } from './port.js';

/** One place where a vault lives, empty at first. */
export interface VaultPlace {
  /** A vault over the place; may be asked for again after the one before was closed. */
  open(): Promise<Vault>;
  remove(): Promise<void>;
}
