const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/**
 * The partition of a key as Java's client and kafkajs compute it: murmur2 of its UTF-8 bytes, without the sign, modulo
 * the number of partitions. Any producer of ours and any consumer that looks for a key must agree on it for ever.
 */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key, 'utf8')) & 0x7fffffff) % partitions;
}

/** Signed 32 bits, as in Java. */
function murmur2(data: Buffer): number {
  const whole = data.length & ~3;
  let hash = SEED ^ data.length;
  for (let at = 0; at < whole; at += 4) {
    const word = Math.imul(data.readInt32LE(at), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word ^ (word >>> 24), MULTIPLIER);
  }
  if (data.length > whole) hash = Math.imul(hash ^ data.readUIntLE(whole, data.length - whole), MULTIPLIER);
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}
