/** `npm run client:package`: makes `dist/consent-ledger-client-….tgz`, which `npm install` takes and `npm publish` publishes. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assemblePackage, packPackage } from '#packaging';
import { PLAN } from './plan.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const assembled = join(root, 'dist', 'client-package');
await assemblePackage(root, assembled, PLAN);
process.stdout.write(`${await packPackage(assembled, join(root, 'dist'))}\n`);
