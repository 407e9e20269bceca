/** A method of the contract by its path, and how many messages go either way. */
export interface MethodPath {
  readonly path: string;
  readonly kind: 'unary' | 'bidi' | 'serverStream';
}

const service = (name: string) => `/consentledger.v1.${name}`;

export const METHODS = {
  check: { path: `${service('EligibilityService')}/Check`, kind: 'unary' },
  checkBatch: { path: `${service('EligibilityService')}/CheckBatch`, kind: 'unary' },
  filter: { path: `${service('EligibilityService')}/Filter`, kind: 'bidi' },
  grant: { path: `${service('ConsentService')}/Grant`, kind: 'unary' },
  revoke: { path: `${service('ConsentService')}/Revoke`, kind: 'unary' },
  recordMessage: { path: `${service('ConsentService')}/RecordMessage`, kind: 'unary' },
  watch: { path: `${service('ChangeService')}/Watch`, kind: 'serverStream' },
} as const satisfies Record<string, MethodPath>;
