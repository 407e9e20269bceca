import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import { ProblemFilter } from '#platform';
import { ChangeRegisterHandler } from './commands/change-register.js';
import { EraseRecipientHandler } from './commands/erase-recipient.js';
import { GrantConsentHandler } from './commands/grant-consent.js';
import { LinkRecipientsHandler, UnlinkRecipientsHandler } from './commands/link-recipients.js';
import { RecordMessageHandler } from './commands/record-message.js';
import { RevokeConsentHandler } from './commands/revoke-consent.js';
import { Authenticator } from './authenticate.js';
import { DestroyKeys } from './completion/destroy-keys.js';
import { BusinessesController } from './http/businesses.controller.js';
import { ChangesController } from './http/changes.controller.js';
import { ConsentController } from './http/consent.controller.js';
import { DocsController } from './http/docs.controller.js';
import { EligibilityController } from './http/eligibility.controller.js';
import { ErasuresController } from './http/erasures.controller.js';
import { FilterController } from './http/filter.controller.js';
import { HealthController } from './http/health.controller.js';
import { LedgerFilter } from './http/ledger.filter.js';
import { KeysController } from './http/keys.controller.js';
import { LinksController } from './http/links.controller.js';
import { PurposesController } from './http/purposes.controller.js';
import { RecipientKeyController } from './http/recipient-key.controller.js';
import { RecipientsController } from './http/recipients.controller.js';
import { SlowBodies } from './http/slow-bodies.js';
import { SendersController } from './http/senders.controller.js';
import { Parts } from './parts.js';
import { CheckEligibilityHandler } from './queries/check-eligibility.js';
import { ReadRecipientHandler } from './queries/read-recipient.js';
import { ReadTimelineHandler } from './queries/read-timeline.js';
import { DeliveryIntake } from './webhooks/delivery-intake.js';
import { UnroutedController } from './webhooks/unrouted.controller.js';
import { WhatsappController } from './webhooks/whatsapp.controller.js';

const CONTROLLERS = [
  BusinessesController,
  PurposesController,
  SendersController,
  KeysController,
  RecipientKeyController,
  ConsentController,
  ErasuresController,
  LinksController,
  EligibilityController,
  FilterController,
  ChangesController,
  RecipientsController,
  WhatsappController,
  UnroutedController,
  HealthController,
  DocsController,
];

const HANDLERS = [
  ChangeRegisterHandler,
  GrantConsentHandler,
  RevokeConsentHandler,
  EraseRecipientHandler,
  LinkRecipientsHandler,
  UnlinkRecipientsHandler,
  RecordMessageHandler,
  CheckEligibilityHandler,
  ReadRecipientHandler,
  ReadTimelineHandler,
];

/** Wires controllers and handlers over parts that were opened before: Nest is the socket, not the machine. */
@Module({})
export class LedgerModule {
  static over(parts: Parts, authenticator: Authenticator, slowBodies: SlowBodies): DynamicModule {
    return {
      module: LedgerModule,
      imports: [CqrsModule.forRoot()],
      controllers: CONTROLLERS,
      providers: [
        { provide: Parts, useValue: parts },
        { provide: Authenticator, useValue: authenticator },
        { provide: SlowBodies, useValue: slowBodies },
        { provide: APP_FILTER, useValue: new LedgerFilter(new ProblemFilter(parts.log)) },
        DeliveryIntake,
        DestroyKeys,
        ...HANDLERS,
      ],
    };
  }
}
