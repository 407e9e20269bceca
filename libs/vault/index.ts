export * from './port.js';
export * from './address.js';
export { RecipientIds, recipientKey } from './recipient-id.js';
export { makeApiKey, parseApiKey, verifyApiKey, type NewApiKey } from './api-keys.js';
export { SecretsRefused } from './secret-file.js';
export * from './secrets.js';
export { VAULT_FILE, openSqliteVault, type OpenSqliteVaultOptions } from './sqlite-vault.js';
export { DEFAULT_VAULT_LIMITS, type VaultLimits } from './limits.js';
export { snapshotVault, vaultIdOf } from './keeping.js';
