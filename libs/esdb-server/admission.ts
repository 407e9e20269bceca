import type { Metadata } from '@grpc/grpc-js';
import type { Limits } from './context.js';
import { overloaded, unauthenticated } from './refusal.js';

export type Authorize = (user: string, password: string) => Promise<boolean>;

/** Lets calls in: at most so many at a time, and those alone whose password is known. */
export class Admission {
  private calls = 0;
  private subscriptions = 0;

  constructor(
    private readonly limits: Limits,
    private readonly authorize: Authorize | undefined,
  ) {}

  /** Rejects with a `Refusal` instead of working; calls `cut` where the password ceases to hold meanwhile. */
  async admitted<T>(metadata: Metadata, cut: (reason: unknown) => void, work: () => Promise<T>): Promise<T> {
    if (this.calls >= this.limits.calls) throw overloaded('too many calls are under way');
    this.calls += 1;
    try {
      return this.authorize ? await this.authorized(this.authorize, metadata, cut, work) : await work();
    } finally {
      this.calls -= 1;
    }
  }

  async asSubscription(work: () => Promise<void>): Promise<void> {
    if (this.subscriptions >= this.limits.subscriptions) throw overloaded('too many subscriptions are open');
    this.subscriptions += 1;
    try {
      await work();
    } finally {
      this.subscriptions -= 1;
    }
  }

  private async authorized<T>(
    authorize: Authorize,
    metadata: Metadata,
    cut: (reason: unknown) => void,
    work: () => Promise<T>,
  ): Promise<T> {
    await verify(authorize, metadata);
    const looking = setInterval(() => void verify(authorize, metadata).catch(cut), this.limits.reverifyMs);
    try {
      return await work();
    } finally {
      clearInterval(looking);
    }
  }
}

async function verify(authorize: Authorize, metadata: Metadata): Promise<void> {
  const given = credentialsIn(metadata);
  if (!given || !(await authorize(given.user, given.password))) throw unauthenticated();
}

function credentialsIn(metadata: Metadata): { user: string; password: string } | undefined {
  const [value] = metadata.get('authorization');
  const [, base64] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(String(value ?? '')) ?? [];
  if (base64 === undefined) return undefined;
  const text = Buffer.from(base64, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
