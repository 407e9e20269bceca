import rpc from '@eventstore/db-client/generated/status_pb.js';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import any from 'google-protobuf/google/protobuf/any_pb.js';

/** Makes of the answer to an append, whatever it was, one that tells of a failure. */
export function refusing(name: string, details: { serializeBinary(): Uint8Array }) {
  return (answer: streams.BatchAppendResp): streams.BatchAppendResp => {
    const packed = new any.Any();
    packed.pack(details.serializeBinary(), name);
    return answer.setSuccess().setError(new rpc.Status().setDetails(packed));
  };
}

/** Only the first answers: then the habit is over. */
export function once<T>(habit: (answer: T) => T): (answer: T) => T {
  let used = false;
  return (answer) => {
    if (used) return answer;
    used = true;
    return habit(answer);
  };
}
