import type { ServiceError } from '@grpc/grpc-js';
import { StoreError } from '../port.js';

/** Why a call failed, and with it what helps. */
export type FailureKind =
  /** The connection is lost or was never made: another one, and the same again. */
  | 'connection'
  /** The server fails without a reason we know: as above, because the client may have remembered a failure. */
  | 'broken'
  /** This node does not lead: the client goes to the leader, and the same again. */
  | 'not the leader'
  /** This node knows less than was committed, as a leader that was cut off does: another connection, and the same again. */
  | 'behind'
  /** The server is starting, too busy, or in an election: the same again. */
  | 'busy'
  /** Credentials or access lists: nobody but an operator can help. */
  | 'denied'
  /** Somebody has tombstoned the stream, which no ledger survives unharmed. */
  | 'deleted'
  /** The server does not know this call, or not in this form. */
  | 'refused';

const WORDS: Record<FailureKind, string> = {
  connection: 'EventStoreDB cannot be reached',
  broken: 'EventStoreDB failed with an error of its own',
  'not the leader': 'the node of EventStoreDB is not the leader',
  behind: 'the node of EventStoreDB lacks events that another has committed: it is not the leader',
  busy: 'EventStoreDB is not ready or too busy',
  denied: 'EventStoreDB refuses access: the user name or the password is wrong, or an access list forbids it',
  deleted: 'the stream was deleted for good in EventStoreDB, which a ledger never does',
  refused: 'EventStoreDB does not take this call: version 22.6 or newer is needed',
};

/** Text for people and logs: no address, no credentials, no name of a stream. */
export class CallFailure extends Error {
  constructor(
    readonly kind: FailureKind,
    words: string = WORDS[kind],
  ) {
    super(words);
  }

  /** Whether nothing is to be asked of this connection again. */
  get losesConnection(): boolean {
    return this.kind === 'connection' || this.kind === 'broken' || this.kind === 'behind';
  }

  /** Whether the same call may succeed by itself a little later. */
  get passes(): boolean {
    return this.kind !== 'denied' && this.kind !== 'deleted' && this.kind !== 'refused';
  }
}

const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const ABORTED = 10;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** What a call ended with, in our words. What a store refuses is said already. */
export function failureOf(error: unknown): CallFailure | StoreError {
  if (error instanceof CallFailure || error instanceof StoreError) return error;
  if (!isServiceError(error)) return new CallFailure('connection', wordsOf(String(error)));
  return byException(error) ?? byCode(error);
}

const EXCEPTIONS: Readonly<Record<string, FailureKind>> = {
  'not-leader': 'not the leader',
  'access-denied': 'denied',
  'stream-deleted': 'deleted',
};

function byException({ metadata }: ServiceError): CallFailure | undefined {
  const kind = EXCEPTIONS[String(metadata?.get('exception')[0])];
  return kind && new CallFailure(kind);
}

function byCode({ code, details }: ServiceError): CallFailure {
  switch (code as number) {
    case PERMISSION_DENIED:
    case UNAUTHENTICATED:
      return new CallFailure('denied');
    case UNIMPLEMENTED:
      return new CallFailure('refused');
    case RESOURCE_EXHAUSTED:
    case DEADLINE_EXCEEDED:
    case ABORTED:
      return new CallFailure('busy');
    case UNAVAILABLE:
      return details.startsWith('Server Is')
        ? new CallFailure('busy')
        : new CallFailure('connection', wordsOf(details));
    case CANCELLED:
      return new CallFailure('connection', 'EventStoreDB cancelled the call');
    default:
      return new CallFailure('broken');
  }
}

/** What people can do something about is told apart; the library's own text may hold anything and is not passed on. */
function wordsOf(details: string): string {
  if (/certificate|altname|CERT_/i.test(details)) {
    return 'the certificate of EventStoreDB is not trusted: tlsCAFile= names the CA, and the host must be in it';
  }
  if (/\bEPROTO\b|wrong version number|SSL|TLS/.test(details)) {
    return 'EventStoreDB does not speak TLS there: tls=false is for servers without it';
  }
  if (/discover/i.test(details)) return 'no node of the EventStoreDB cluster answers, or none leads it';
  if (/ENOTFOUND|EAI_AGAIN|Name resolution failed/.test(details)) return 'the host name of EventStoreDB is not known';
  return WORDS.connection;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}
