import { status, type Server, type ServerWritableStream } from '@grpc/grpc-js';
import { encoded, ProtoReader } from '#protobuf';
import type { Parts } from '../parts.js';
import { readinessOf } from '../readiness.js';
import { SERVED } from './methods.js';

const HEALTH = '/grpc.health.v1.Health';
/** How often is looked while somebody watches. */
const LOOK_MS = 500;

const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

type WatchCall = ServerWritableStream<Buffer, Buffer>;

interface Watched {
  readonly service: string;
  /** What its caller was told last. */
  told: number;
}

/**
 * `grpc.health.v1.Health`: every service is serving while `/health/ready` says that the process is ready, but those whose
 * role it does not run: a client that balances by health must not be sent to them.
 */
export class Health {
  private isClosing = false;
  private readonly watching = new Map<WatchCall, Watched>();
  /** Who watches a service that there is not: told so once. */
  private readonly misled = new Set<WatchCall>();
  private looking: NodeJS.Timeout | undefined;

  constructor(private readonly parts: Parts) {}

  register(server: Server): void {
    const bytes = (message: Buffer) => message;
    const check = (call: { request: Buffer }, callback: (error: object | null, answer?: Buffer) => void) => {
      const service = serviceIn(call.request);
      if (!isServed(service)) return callback({ code: status.NOT_FOUND, details: 'no such service' });
      void this.now().then((said) => callback(null, answerOf(this.of(service, said))));
    };
    server.register(`${HEALTH}/Check`, check, bytes, bytes, 'unary');
    server.register(`${HEALTH}/Watch`, (call: WatchCall) => this.watch(call), bytes, bytes, 'serverStream');
  }

  /** Says to everybody that nothing is served any more, and ends their streams. */
  close(): void {
    this.isClosing = true;
    clearInterval(this.looking);
    for (const call of this.watching.keys()) this.tell(call, NOT_SERVING);
    for (const call of [...this.watching.keys(), ...this.misled]) call.end();
    this.watching.clear();
    this.misled.clear();
  }

  private watch(call: WatchCall): void {
    call.on('cancelled', () => this.forget(call));
    const service = serviceIn(call.request);
    if (!isServed(service)) {
      this.misled.add(call);
      return void call.write(answerOf(SERVICE_UNKNOWN));
    }
    this.watching.set(call, { service, told: 0 });
    this.looking ??= setInterval(() => void this.look(), LOOK_MS).unref();
    void this.look();
  }

  private forget(call: WatchCall): void {
    this.misled.delete(call);
    this.watching.delete(call);
    if (this.watching.size > 0) return;
    clearInterval(this.looking);
    this.looking = undefined;
  }

  private async look(): Promise<void> {
    const said = await this.now();
    for (const call of this.watching.keys()) this.tell(call, said);
  }

  /** Only what is new, and nothing to whoever does not take it: the next look tells them the newest. */
  private tell(call: WatchCall, said: number): void {
    const watched = this.watching.get(call);
    if (watched === undefined || call.writableNeedDrain) return;
    const news = this.of(watched.service, said);
    if (news === watched.told) return;
    watched.told = news;
    call.write(answerOf(news));
  }

  /** What is said of the whole process, as it is of one service. */
  private of(service: string, said: number): number {
    const methods = methodsOf(service);
    const isRun = methods.length === 0 || methods.some(({ role }) => this.parts.config.roles.includes(role));
    return isRun ? said : NOT_SERVING;
  }

  private async now(): Promise<number> {
    if (this.isClosing) return NOT_SERVING;
    const isReady = await readinessOf(this.parts).then(
      ({ ready }) => ready,
      () => false,
    );
    return isReady ? SERVING : NOT_SERVING;
  }
}

function serviceIn(message: Buffer): string {
  const reader = new ProtoReader(message);
  let service = '';
  while (reader.next()) {
    if (reader.field === 1) service = reader.string();
    else reader.skip();
  }
  return service;
}

/** The empty name asks about the whole server. */
function isServed(service: string): boolean {
  return service === '' || methodsOf(service).length > 0;
}

function methodsOf(service: string) {
  return Object.values(SERVED).filter(({ path }) => path.startsWith(`/${service}/`));
}

function answerOf(said: number): Buffer {
  return encoded((writer) => writer.uint(1, said));
}
