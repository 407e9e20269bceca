import type { RouteSpec } from '../route.js';
import * as audit from './audit.routes.js';
import * as business from './business.routes.js';
import * as change from './change.routes.js';
import * as consent from './consent.routes.js';
import * as docs from './docs.routes.js';
import * as eligibility from './eligibility.routes.js';
import * as health from './health.routes.js';
import * as keys from './key.routes.js';
import * as links from './link.routes.js';
import * as webhooks from './webhook.routes.js';

/** Every route of the service, in the order of the document. */
export const ALL_ROUTES: readonly RouteSpec[] = [
  consent,
  links,
  eligibility,
  change,
  audit,
  business,
  keys,
  webhooks,
  health,
  docs,
].flatMap((routes): RouteSpec[] => Object.values(routes));
