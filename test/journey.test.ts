import { describeMainJob } from './support/journey.js';
import { startTestService } from './support/service.js';

describeMainJob('the embedded ledger', (clock) => startTestService({ clock }));
