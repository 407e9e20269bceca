import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { DESCRIPTOR_SET } from './descriptor-set.js';

const CONTRACTS = fileURLToPath(new URL('../contracts', import.meta.url));
const BUF = fileURLToPath(new URL('../../node_modules/.bin/buf', import.meta.url));

/** UPDATE_DOCS=1 writes the file; `npm run format` then lays it out. */
it('the descriptors that reflection shows are those of the .proto files', () => {
  const asked = ['build', CONTRACTS, '--as-file-descriptor-set', '--exclude-source-info', '-o', '-#format=binpb'];
  const built = execFileSync(BUF, asked);
  if (process.env.UPDATE_DOCS === '1') {
    const lines = built
      .toString('base64')
      .match(/.{1,100}/g)
      ?.map((line) => `    '${line}',`);
    const text = [
      '/** The .proto files of the contract as `google.protobuf.FileDescriptorSet`; made by the test beside this file. */',
      'export const DESCRIPTOR_SET = Buffer.from(',
      '  [',
      ...(lines ?? []),
      "  ].join(''),",
      "  'base64',",
      ');',
    ];
    writeFileSync(new URL('descriptor-set.ts', import.meta.url), `${text.join('\n')}\n`);
    return;
  }
  expect(DESCRIPTOR_SET.equals(built)).toBe(true);
});
