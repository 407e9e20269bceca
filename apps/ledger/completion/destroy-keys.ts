import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { AnnouncedErasure } from '#vault';
import { Parts } from '../parts.js';
import { readHistory } from './handle.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Before anything is asked of the service: what a crash cut off between the event and the destroyed key is made whole,
 * and what never came to the ledger is forgotten, as it was never acknowledged. What fails then is tried again until it
 * is done; by that time the service is at work, so that what is not in the ledger may yet come there, and is let be.
 */
@Injectable()
export class CompleteErasures implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopping = new AbortController();
  private trying: Promise<void> = Promise.resolve();

  constructor(private readonly parts: Parts) {}

  async onApplicationBootstrap(): Promise<void> {
    if (!(await this.completeAll(true))) this.trying = this.tryAgain();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.trying;
  }

  private async tryAgain(): Promise<void> {
    const { signal } = this.stopping;
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      await pause(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted || (await this.completeAll(false))) return;
    }
  }

  /** Answers whether nothing is left to do. One that fails does not keep the others from being completed. */
  private async completeAll(isStart: boolean): Promise<boolean> {
    const { vault, log } = this.parts;
    const failed = (error: unknown) => {
      log.error({ err: error }, 'erasures that were broken off could not be completed yet: they are tried again');
      return false;
    };
    try {
      const announced = await vault.listAnnouncedErasures();
      const completed: boolean[] = [];
      for (const one of announced) completed.push(await this.complete(one, isStart).then(() => true, failed));
      return completed.every(Boolean);
    } catch (error) {
      return failed(error);
    }
  }

  private async complete({ recipientId, eventId, isOver }: AnnouncedErasure, isStart: boolean): Promise<void> {
    const { vault, log } = this.parts;
    const isDue = !isOver && (await this.isRecorded(recipientId, eventId));
    if (!isDue) return isStart ? vault.withdrawErasure(eventId) : undefined;
    const isNew = await vault.eraseRecipient(recipientId, eventId);
    if (isNew) log.warn({ eventId }, 'an erasure that had been broken off is complete');
  }

  private async isRecorded(recipientId: string, eventId: string): Promise<boolean> {
    const { events } = await readHistory(this.parts.store, `consent-${recipientId}`);
    return events.some(({ event }) => event.id === eventId);
  }
}
