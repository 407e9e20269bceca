/** `npm run guard:package`: makes `dist/consent-ledger-sender-guard-….tgz`, which `npm install` takes and `npm publish` publishes. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assemblePackage, packPackage } from '#packaging';
import { PLAN } from './plan.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const assembled = join(root, 'dist', 'guard-package');
await assemblePackage(root, assembled, PLAN);
process.stdout.write(`${await packPackage(assembled, join(root, 'dist'))}\n`);
