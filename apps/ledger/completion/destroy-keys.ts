import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Position } from '#event-store';
import type { AnnouncedErasure } from '#vault';
import { readHistory } from '../commands/handle.js';
import { Parts } from '../parts.js';
import { isLeftReadable } from './left-readable.js';

/** Between two looks, and after failures; milliseconds. */
const LOOK_MS = 5_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Before anything is asked of the service: what a crash cut off between the event and the destroyed key is made whole,
 * and what never came to the ledger is forgotten, as it was never acknowledged. The same goes on while the service is at
 * work, whose caller may never come back: a key that could not be destroyed when its erasure was recorded is destroyed
 * soon after. What is not in the ledger may yet come there then, and is let be. A vault that processes share is asked to
 * forget it all the same, since no start is the first of all there: it keeps what was announced a moment ago.
 */
@Injectable()
export class DestroyKeys implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopping = new AbortController();
  private looking: Promise<void> = Promise.resolve();

  constructor(private readonly parts: Parts) {}

  async onApplicationBootstrap(): Promise<void> {
    this.looking = this.lookAgain(await this.completeAll(true));
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.looking;
  }

  private async lookAgain(wasDone: boolean): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = wasDone ? 0 : 1; !signal.aborted;) {
      const backOffMs = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
      await pause(failures === 0 ? LOOK_MS : backOffMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      failures = (await this.completeAll(false)) ? 0 : failures + 1;
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
    const { vault, postgres, log } = this.parts;
    const recorded = await this.positionOf(recipientId, eventId);
    // A younger key may have been made for who came back, or for what was recorded between the announcing and the event.
    const isDue = recorded && (!isOver || (await isLeftReadable(this.parts, recipientId, recorded)));
    if (!isDue) return isStart || recorded || postgres !== undefined ? vault.withdrawErasure(eventId) : undefined;
    const isNew = await vault.eraseRecipient(recipientId, eventId);
    if (isNew) log.warn({ eventId }, 'an erasure that had been broken off is complete');
  }

  private async positionOf(recipientId: string, eventId: string): Promise<Position | undefined> {
    const { events } = await readHistory(this.parts.store, `consent-${recipientId}`);
    return events.find(({ event }) => event.id === eventId)?.event.position;
  }
}
