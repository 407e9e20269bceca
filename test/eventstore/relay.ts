import {
  Client,
  Metadata,
  Server,
  ServerCredentials,
  credentials,
  status,
  type ClientReadableStream,
  type ServerDuplexStream,
  type ServerWritableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import streams from '@eventstore/db-client/generated/streams_pb.js';

const SERVICE = '/event_store.client.streams.Streams';
const asIs = (bytes: Buffer) => bytes;

type Call = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

/** What real clusters do and our own server never does, done to the messages on their way. */
export interface Habits {
  /** An error instead of any answer. */
  refuse?: () => Partial<ServiceError> | undefined;
  /** True: the read is never answered. */
  isSilent?: (request: streams.ReadReq) => boolean;
  /** What arrives instead of the server's answer. */
  event?: (event: streams.ReadResp, request: streams.ReadReq) => streams.ReadResp;
  /** The same for appends. */
  answer?: (answer: streams.BatchAppendResp) => streams.BatchAppendResp;
}

/** A node in front of a server: the same protocol, with habits of its own. */
export class Relay {
  habits: Habits = {};
  appends = 0;
  reads = 0;
  private readonly server = new Server();
  private readonly live = new Set<Call>();
  private readonly onwards = new Set<ClientReadableStream<Buffer>>();
  private isHeld = false;
  private target: Client;
  private port = 0;

  private constructor(targetPort: number) {
    this.target = clientOf(targetPort);
    const method = {
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    };
    this.server.addService(
      {
        read: { path: `${SERVICE}/Read`, requestStream: false, responseStream: true, ...method },
        batchAppend: { path: `${SERVICE}/BatchAppend`, requestStream: true, responseStream: true, ...method },
      },
      {
        read: (call: ServerWritableStream<Buffer, Buffer>) => this.read(call),
        batchAppend: (call: ServerDuplexStream<Buffer, Buffer>) => this.batchAppend(call),
      },
    );
  }

  static async before(target: { readonly port: number }): Promise<Relay> {
    const relay = new Relay(target.port);
    const here = ServerCredentials.createInsecure();
    relay.port = await new Promise((resolve, reject) =>
      relay.server.bindAsync('127.0.0.1:0', here, (error, port) => (error ? reject(error) : resolve(port))),
    );
    return relay;
  }

  get url(): string {
    return `esdb://127.0.0.1:${this.port}?tls=false`;
  }

  /** From now on another node is behind it, and every call that is open has lost its connection. */
  moveTo(target: { readonly port: number }): void {
    this.target.close();
    this.target = clientOf(target.port);
    for (const call of this.live) call.emit('error', { code: status.UNAVAILABLE, details: 'connection reset' });
  }

  /** From now on nobody hears what comes next in the ledger, until they are let go: where it ends, and streams, are answered. */
  hold(): void {
    this.isHeld = true;
    for (const answers of this.onwards) answers.pause();
  }

  letGo(): void {
    this.isHeld = false;
    for (const answers of this.onwards) answers.resume();
  }

  async close(): Promise<void> {
    this.server.forceShutdown();
    this.target.close();
  }

  private read(call: ServerWritableStream<Buffer, Buffer>): void {
    this.reads += 1;
    this.follow(call);
    const refusal = this.habits.refuse?.();
    if (refusal) {
      call.emit('error', refusal);
      return;
    }
    const asked = streams.ReadReq.deserializeBinary(call.request);
    if (this.habits.isSilent?.(asked)) return;
    const answers = this.target.makeServerStreamRequest(`${SERVICE}/Read`, asIs, asIs, call.request, new Metadata());
    call.on('cancelled', () => answers.cancel());
    answers.on('data', (answer: Buffer) => call.write(this.eventFrom(answer, call.request)));
    answers.on('error', (error) => call.emit('error', error));
    answers.on('end', () => call.end());
    if (isOnwards(asked)) this.holdable(answers);
  }

  private holdable(answers: ClientReadableStream<Buffer>): void {
    this.onwards.add(answers);
    answers.on('close', () => this.onwards.delete(answers));
    if (this.isHeld) answers.pause();
  }

  private eventFrom(answer: Buffer, request: Buffer): Buffer {
    const { event } = this.habits;
    if (!event) return answer;
    const [read, asked] = [streams.ReadResp.deserializeBinary(answer), streams.ReadReq.deserializeBinary(request)];
    return Buffer.from(event(read, asked).serializeBinary());
  }

  private follow(call: Call): void {
    this.live.add(call);
    for (const end of ['cancelled', 'error', 'finish']) call.on(end, () => this.live.delete(call));
  }

  private batchAppend(call: ServerDuplexStream<Buffer, Buffer>): void {
    this.follow(call);
    const answers = this.target.makeBidiStreamRequest(`${SERVICE}/BatchAppend`, asIs, asIs, new Metadata());
    call.on('cancelled', () => answers.cancel());
    call.on('data', (request: Buffer) => {
      this.appends += 1;
      const refusal = this.habits.refuse?.();
      if (refusal) call.emit('error', refusal);
      else answers.write(request);
    });
    answers.on('data', (bytes: Buffer) => {
      const answer = streams.BatchAppendResp.deserializeBinary(bytes);
      call.write(Buffer.from((this.habits.answer?.(answer) ?? answer).serializeBinary()));
    });
    answers.on('error', (error) => call.emit('error', error));
  }
}

/** A page of the whole ledger or a subscription to it, not a look at its end. */
function isOnwards(request: streams.ReadReq): boolean {
  const options = request.getOptions();
  return options?.hasAll() === true && options.getReadDirection() === streams.ReadReq.Options.ReadDirection.FORWARDS;
}

function clientOf(port: number): Client {
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure());
}

/** What a node says that does not lead, and knows who does. */
export function notLeader(leader: { readonly port: number }): Partial<ServiceError> {
  const metadata = new Metadata();
  metadata.set('exception', 'not-leader');
  metadata.set('leader-endpoint-host', '127.0.0.1');
  metadata.set('leader-endpoint-port', String(leader.port));
  return { code: status.NOT_FOUND, details: 'Leader info available', metadata };
}
