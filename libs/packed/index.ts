export { ByteReader, ByteWriter, TooLong } from './bytes.js';
export { NO_ENTRY, PackedTable } from './packed-table.js';
export { KEY_BYTES, isRecipientId, keyText, writeKey } from './recipient-key.js';
export { TextTable } from './text-table.js';
export { UUID_BYTES, readUuid, writeUuid } from './uuid.js';
