export { MalformedMessage, ProtoReader } from './proto-reader.js';
export { encoded, ProtoWriter } from './proto-writer.js';
