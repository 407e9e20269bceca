import {
  type Metadata,
  ServerInterceptingCall,
  ServerListenerBuilder,
  type ServerInterceptor,
  type ServerListener,
} from '@grpc/grpc-js';
import type { Limits } from './context.js';
import { overloaded, tooSlow, type Refusal } from './refusal.js';

/**
 * Before a request has arrived whole nobody has been asked who sends it. So only so many may be arriving at a time, and
 * each for a short while. Calls whose requests are many have limits of their own.
 */
export function arrivals(limits: Limits): ServerInterceptor {
  let arriving = 0;
  return ({ requestStream }, next) => {
    if (requestStream) return new ServerInterceptingCall(next);
    const call: ServerInterceptingCall = new ServerInterceptingCall(next, {
      start: (begin) => {
        if (arriving >= limits.arriving) return begin(refusing(call, overloaded('too many requests are half sent')));
        arriving += 1;
        begin(awaited(call, limits.arrivalMs, () => (arriving -= 1)));
      },
    });
    return call;
  };
}

function refusing(call: ServerInterceptingCall, refusal: Refusal): ServerListener {
  const refuse = (_metadata: Metadata) => call.sendStatus(refusal);
  return new ServerListenerBuilder().withOnReceiveMetadata(refuse).build();
}

/** Calls `arrived` once: when the request is whole, or the call is over before. */
function awaited(call: ServerInterceptingCall, withinMs: number, arrived: () => void): ServerListener {
  const late = setTimeout(() => call.sendStatus(tooSlow()), withinMs);
  let isOver = false;
  const settle = () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(late);
    arrived();
  };
  return new ServerListenerBuilder()
    .withOnReceiveHalfClose((next) => {
      settle();
      next();
    })
    .withOnCancel(settle)
    .build();
}
