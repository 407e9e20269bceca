import type { Metadata } from '@grpc/grpc-js';
import type { Limits } from './context.js';
import { overloaded, unauthenticated, type Refusal } from './refusal.js';

export type Authorize = (user: string, password: string) => Promise<boolean>;

/** Lets calls in: at most so many at a time, and those alone whose password is known. */
export class Admission {
  private calls = 0;
  private subscriptions = 0;

  constructor(
    private readonly limits: Limits,
    private readonly authorize: Authorize | undefined,
  ) {}

  /** Rejects with a `Refusal`; otherwise `release` must be called once the call is over. */
  async admit(metadata: Metadata): Promise<void> {
    if (this.calls >= this.limits.calls) throw overloaded('too many calls are under way');
    this.calls += 1;
    try {
      await this.verify(metadata);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  release(): void {
    this.calls -= 1;
  }

  admitSubscription(): void {
    if (this.subscriptions >= this.limits.subscriptions) throw overloaded('too many subscriptions are open');
    this.subscriptions += 1;
  }

  releaseSubscription(): void {
    this.subscriptions -= 1;
  }

  /** Looks again and again whether the password of a long call still holds, until told to stop. */
  watch(metadata: Metadata, cut: (refusal: Refusal) => void): () => void {
    if (!this.authorize) return () => undefined;
    const look = () => void this.verify(metadata).catch(cut);
    const looking = setInterval(look, this.limits.reverifyMs).unref();
    return () => clearInterval(looking);
  }

  private async verify(metadata: Metadata): Promise<void> {
    if (!this.authorize) return;
    const given = credentialsIn(metadata);
    if (!given || !(await this.authorize(given.user, given.password))) throw unauthenticated();
  }
}

function credentialsIn(metadata: Metadata): { user: string; password: string } | undefined {
  const [value] = metadata.get('authorization');
  const [, base64] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(String(value ?? '')) ?? [];
  if (base64 === undefined) return undefined;
  const text = Buffer.from(base64, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
