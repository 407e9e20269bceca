import { constants, type ServerHttp2Stream } from 'node:http2';
import { ServerInterceptingCall, type Metadata, type ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { Principal } from '../authenticate.js';
import type { InWork } from '../in-work.js';
import type { ServedMethod } from './methods.js';

/** Whom grpc-js tells of what comes in: the handler, in the end. */
type Listener = Parameters<ServerInterceptingCallInterface['start']>[0];

/** Whom a visit asks whether it may go on, and tells how it goes. */
export interface Door {
  /** To be answered with `goOn`, at once or later, or with a status. */
  knock(visit: Visit, metadata: Metadata): void;
  arrived(visit: Visit): void;
  /** Something was said to the caller, who is to take it in time. */
  said(visit: Visit): void;
  /** The caller has taken it, or the call is over. */
  taken(visit: Visit): void;
}

/** What is known of a call before it is heard. */
export interface Visitor {
  /** Undefined for health, reflection and whatever else asks for no key. */
  readonly method: ServedMethod | undefined;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/**
 * A call at the gate, which hears what comes in before its handler does. One object for what grpc-js otherwise makes ten
 * of, since every call pays for them; answers go straight on. A message is only read once the handler asks for it, so
 * nothing has to be kept while the gate makes up its mind.
 */
export class Visit extends ServerInterceptingCall implements Listener {
  /** By `performance.now()`. */
  readonly sinceMs = performance.now();
  principal: Principal | undefined;
  /** Since when something has been ready to be taken, by `performance.now()`; what counts while the door awaits that. */
  saidMs = 0;
  private listener: Listener | undefined;
  private place: InWork | undefined;
  private isOver = false;
  private readsLater = false;
  private isUntaken = false;

  constructor(
    private readonly door: Door,
    private readonly onward: ServerInterceptingCallInterface,
    readonly visitor: Visitor,
  ) {
    super(onward);
  }

  override start(listener: Listener): void {
    this.listener = listener;
    this.onward.start(this);
  }

  override sendMetadata(metadata: Metadata): void {
    this.onward.sendMetadata(metadata);
  }

  /** Streams of ours have limits of their own for who takes nothing. */
  override sendMessage(message: unknown, callback: () => void): void {
    const { method, responseStream } = this.visitor;
    if (!method && responseStream) return this.sendToStranger(message, callback);
    if (!responseStream) this.say();
    this.onward.sendMessage(message, callback);
  }

  override sendStatus(status: Parameters<ServerInterceptingCallInterface['sendStatus']>[0]): void {
    this.say();
    this.onward.sendStatus(status);
  }

  /** Of a stranger no further message is read while one is not taken: reflection would keep all its answers. */
  override startRead(): void {
    if (this.isUntaken) this.readsLater = true;
    else this.onward.startRead();
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.door.knock(this, metadata);
  }

  onReceiveMessage(message: unknown): void {
    this.listener?.onReceiveMessage(message);
  }

  onReceiveHalfClose(): void {
    this.door.arrived(this);
    this.listener?.onReceiveHalfClose();
  }

  /** Said of every call once it is over: answered, or left by its caller. */
  onCancel(): void {
    this.isOver = true;
    this.door.arrived(this);
    this.door.taken(this);
    this.leave();
    this.listener?.onCancel();
  }

  /** Takes a place, if there is one. */
  enter(place: InWork, beyond: boolean): boolean {
    if (!place.enter(beyond)) return false;
    this.place = place;
    return true;
  }

  goOn(metadata: Metadata): void {
    if (!this.isOver) this.listener?.onReceiveMetadata(metadata);
  }

  /** Of a stream, at the end of its work: what it has said, and its status, which may not be sent yet, are to be taken. */
  ending(): void {
    this.leave();
    this.say();
  }

  /** Gives its place back, once: a stream does so at the end of its work, any other call when its answer is taken. */
  leave(): void {
    this.place?.leave();
    this.place = undefined;
  }

  /**
   * Ends the call and lets go of what its caller does not take; other calls on the connection go on. grpc-js has no means
   * for it, so its own stream is ended under it.
   */
  cut(): void {
    const { stream } = this.onward as { readonly stream?: ServerHttp2Stream };
    stream?.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  private say(): void {
    if (!this.isOver) this.door.said(this);
  }

  private sendToStranger(message: unknown, callback: () => void): void {
    this.isUntaken = true;
    this.say();
    this.onward.sendMessage(message, () => {
      this.isUntaken = false;
      this.door.taken(this);
      callback();
      if (!this.readsLater) return;
      this.readsLater = false;
      this.onward.startRead();
    });
  }
}
