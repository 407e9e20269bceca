const HEADER_BYTES = 20;
const TEXT_OID = 25;

/**
 * A `text[]` in the form in which the server keeps it, which `pg` sends as it is. As text each quotation mark would be
 * escaped here and unescaped there, and packed states are full of them.
 */
export function textArray(texts: readonly string[]): Buffer {
  const bytes = texts.reduce((sum, text) => sum + 4 + Buffer.byteLength(text), HEADER_BYTES);
  const array = Buffer.allocUnsafe(bytes);
  // One dimension, no nulls, its element type, its length, and the index that it counts from.
  [1, 0, TEXT_OID, texts.length, 1].forEach((value, index) => array.writeInt32BE(value, index * 4));
  let at = HEADER_BYTES;
  for (const text of texts) {
    const written = array.write(text, at + 4);
    array.writeInt32BE(written, at);
    at += 4 + written;
  }
  return array;
}

/** Whether the server takes this as a text: it knows no NUL. */
export function isText(value: string): boolean {
  return !value.includes('\0');
}
