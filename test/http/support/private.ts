import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is somebody's own, and must be readable nowhere but in the answer to who may read it. */
export const PRIVATE = {
  phone: '+393334567890',
  landline: '+390698765432',
  national: '3387654321',
  brokenPhone: 'tel 88997766554433221100',
  email: 'zaccaria.quispe@privacy.example',
  brokenEmail: 'zaccaria quispe at home',
  whatsappUserId: 'IT.99887766554433221100',
  name: 'Zaccaria Quispe',
  evidenceKey: 'signed_by_zaccaria',
  evidence: 'Scan 4711 of the form that Zaccaria signed',
  reason: 'Told us that Zaccaria moved to Lima',
  message: 'My operation is on Monday, call my sister',
  optOut: 'UNSUBSCRIBE!!! me... 🛑🛑',
  wamid: 'wamid.HBgLMzkzMzM0NTY3ODkwFQIAEhg',
  idempotencyKey: 'signup-of-zaccaria-quispe',
  messageId: 'SM-zaccaria-0001',
} as const;

const DIGITS_THAT_TELL = 9;

/** The value itself, its digits alone, and both as URLs and base64 at any alignment write them. */
function formsOf(value: string): readonly string[] {
  const digits = value.replaceAll(/\D/g, '');
  const plain = [value, value.toLowerCase(), ...(digits.length >= DIGITS_THAT_TELL ? [digits] : [])];
  const encoded = plain.flatMap((text) => [
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
    ...base64Of(text),
  ]);
  return [...new Set([...plain, ...encoded])];
}

/** What stands in a base64 text that has the value somewhere inside: without the characters that depend on neighbours. */
function base64Of(text: string): readonly string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]);
    const from = offset === 0 ? 0 : offset + 1;
    const to = Math.floor((bytes.length * 8) / 6);
    return [bytes.toString('base64').slice(from, to), bytes.toString('base64url').slice(from, to)];
  });
}

const FORMS = Object.entries(PRIVATE).flatMap(([name, value]) => formsOf(value).map((form) => ({ name, form })));
const NEEDLES = FORMS.map(({ name, form }) => ({ name, form, bytes: Buffer.from(form) }));

/** Names of what is found in the text that should not be. */
export function foundIn(text: string): readonly string[] {
  const lower = text.toLowerCase();
  const found = FORMS.filter(({ form }) => text.includes(form) || lower.includes(form.toLowerCase()));
  return [...new Set(found.map(({ name, form }) => `${name} as ${form}`))];
}

/** The same over the bytes of every file of a directory, with the file's name. */
export function foundInFiles(directory: string): readonly string[] {
  return filesIn(directory).flatMap((file) => {
    const bytes = readFileSync(file);
    return NEEDLES.filter((needle) => bytes.includes(needle.bytes)).map(
      ({ name, form }) => `${name} as ${form} in ${file}`,
    );
  });
}

export function filesIn(directory: string): readonly string[] {
  const entries = readdirSync(directory, { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}
