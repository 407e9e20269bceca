import { Controller, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Feed } from '#feed';
import type { Relay } from '#relay';
import { Parts } from '../parts.js';
import { readinessOf } from '../readiness.js';
import { Route } from './route.js';
import { liveRoute, readyRoute } from './routes/health.routes.js';

@Controller()
export class HealthController {
  constructor(private readonly parts: Parts) {}

  /** The process runs; says nothing about what it depends on. */
  @Route(liveRoute)
  live() {
    return { status: 'ok' };
  }

  @Route(readyRoute)
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const { ready, disk, ledger, view, vault } = await readinessOf(this.parts);
    reply.status(ready ? 200 : 503);
    return {
      status: ready ? 'ready' : 'not_ready',
      dependencies: {
        ledger: { ...ledger, ledgerId: this.parts.store.ledgerId },
        vault,
        disk,
        ...(this.parts.postgres ? { database: this.parts.postgres.status() } : {}),
      },
      followers: [
        { name: 'view', ...view, lagMs: finite(view.lagMs), maxLagMs: this.parts.config.view.maxLagMs },
        ...this.lanes(),
        feedHealth(this.parts.feed),
        ...completionHealth(this.parts.completion),
      ],
      ...(this.parts.relay ? { relay: relayHealth(this.parts.relay) } : {}),
    };
  }

  /** The relay's lanes; one that is behind makes nothing unready, since checks and commands do not wait for Kafka. */
  private lanes() {
    const lanes = this.parts.relay?.status().lanes ?? [];
    return lanes.map(({ name, position, lagMs, lagEvents, problem }) => ({
      name: `relay-${name}`,
      lagMs: finite(lagMs),
      caughtUp: lagMs === 0,
      ready: problem === undefined,
      ...(position === undefined ? {} : { position }),
      ...(lagEvents === undefined ? {} : { lagEvents }),
      ...(problem === undefined ? {} : { problem }),
    }));
  }
}

function finite(lagMs: number): number | null {
  return Number.isFinite(lagMs) ? Math.ceil(lagMs) : null;
}

/** Makes nothing unready: what it completes was never acknowledged. */
function completionHealth(completion: Parts['completion']) {
  const status = completion.status();
  if (status === undefined) return [];
  return [{ name: 'completion', ...status, lagMs: finite(status.lagMs), ready: status.problem === undefined }];
}

/** While nobody watches the ledger is not followed, and nothing is behind. */
function feedHealth(feed: Feed) {
  const { watchers, live } = feed.status();
  const lagMs = live ? finite(live.lagMs) : 0;
  const at = live ? { position: live.position } : {};
  return { name: 'feed', lagMs, caughtUp: lagMs !== null, ready: true, watchers, ...at };
}

function relayHealth(relay: Relay) {
  const { leader, parked, healed, problem, warnings } = relay.status();
  return { leader, parked, healed, warnings, ...(problem === undefined ? {} : { problem }) };
}
