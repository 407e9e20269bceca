import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Parts } from '../parts.js';
import { readHistory } from './handle.js';

/**
 * Before anything is asked of the service: what a crash cut off between the event and the destroyed key is made whole,
 * and what never came to the ledger is forgotten, as it was never acknowledged.
 */
@Injectable()
export class CompleteErasures implements OnApplicationBootstrap {
  constructor(private readonly parts: Parts) {}

  async onApplicationBootstrap(): Promise<void> {
    const { vault, log } = this.parts;
    try {
      for (const erasure of await vault.listAnnouncedErasures()) {
        const isDue = !erasure.isOver && (await this.isRecorded(erasure.recipientId, erasure.eventId));
        if (!isDue) await vault.withdrawErasure(erasure.eventId);
        else if (await vault.eraseRecipient(erasure.recipientId, erasure.eventId)) {
          log.warn({ eventId: erasure.eventId }, 'an erasure that had been broken off is complete');
        }
      }
    } catch (error) {
      log.error({ err: error }, 'erasures that were broken off could not be completed: the next start tries again');
    }
  }

  private async isRecorded(recipientId: string, eventId: string): Promise<boolean> {
    const { events } = await readHistory(this.parts.store, `consent-${recipientId}`);
    return events.some(({ event }) => event.id === eventId);
  }
}
