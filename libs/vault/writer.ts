import { serveGroupWriter } from '#sqlite';
import { openForWriting } from './schema.js';
import { vaultWriterOf } from './writes.js';

/** The program of the vault's writer thread. It never holds the key-encryption key: what it writes is sealed already. */
serveGroupWriter({ open: ({ file }: { readonly file: string }) => vaultWriterOf(openForWriting(file)) });
