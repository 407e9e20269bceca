"""Drives a server of EventStoreDB's protocol with kurrentdbclient; prints one line a step, and fails at the first wrong one.

usage: drive.py <connection string>
"""

import sys
from uuid import uuid4

from kurrentdbclient import KurrentDBClient, NewEvent, StreamState
from kurrentdbclient.exceptions import (
    GrpcError,
    MaximumAppendSizeExceededError,
    NotFoundError,
    StreamIsDeletedError,
    WrongCurrentVersionError,
)

client = KurrentDBClient(sys.argv[1])
run = uuid4().hex[:8]


def an_event(kind="ConsentGranted", data=b'{"a": 1}'):
    return NewEvent(type=kind, data=data, metadata=b'{"recordedAt": "2026-01-02T03:04:05.678Z"}')


def step(name, is_right):
    if not is_right:
        sys.exit(f"wrong: {name}")
    print(f"right: {name}", flush=True)


def refused(error, work):
    try:
        work()
    except error as refusal:
        return refusal
    return None


consent = f"consent-{run}"
conversation = f"conversation-{run}"

first, second = an_event(), an_event("ConsentRevoked")
place = client.append_to_stream(consent, current_version=StreamState.NO_STREAM, events=[first, second])
step("append", place > 0)
again = client.append_to_stream(consent, current_version=StreamState.NO_STREAM, events=[first, second])
step("append again", again == place)
lost = refused(
    WrongCurrentVersionError,
    lambda: client.append_to_stream(consent, current_version=7, events=[an_event()]),
)
step("wrong version", lost is not None and lost.actual_version == 1)
step(
    "too large",
    refused(
        MaximumAppendSizeExceededError,
        lambda: client.append_to_stream(
            consent, current_version=StreamState.ANY, events=[an_event(data=b"x" * 1_100_000)]
        ),
    ),
)
for _ in range(100):
    client.append_to_stream(conversation, current_version=StreamState.ANY, events=[an_event("MessageReceived")])

events = client.get_stream(consent)
step("read a stream", [e.id for e in events] == [first.id, second.id])
step("bytes are kept", events[0].data == first.data and events[0].metadata == first.metadata)
step("content type", events[0].content_type == "application/json")
step("time", events[0].recorded_at is not None and events[0].recorded_at.year == 2026)
step("backwards", [e.id for e in client.get_stream(consent, backwards=True)] == [second.id, first.id])
step("from a revision", [e.id for e in client.get_stream(consent, stream_position=1)] == [second.id])
step("current version", client.get_current_version(consent) == 1)
step("missing stream", refused(NotFoundError, lambda: client.get_stream(f"consent-none-{run}")) is not None)
step("no version", client.get_current_version(f"consent-none-{run}") is StreamState.NO_STREAM)

everything = list(client.read_all())
step("read all", len(everything) >= 102 and everything[0].commit_position == 1)
step("read all backwards", [e.id for e in client.read_all(backwards=True)] == [e.id for e in reversed(everything)])
step("from a position", list(client.read_all(commit_position=place))[0].id == second.id)
step("head", client.get_commit_position() == everything[-1].commit_position)
picked = list(client.read_all(filter_include=[f"{consent}"], filter_by_stream_name=True))
step("filtered by expression", [e.id for e in picked] == [first.id, second.id])
picked = list(client.read_all(filter_include=(consent,), filter_by_stream_name=True, filter_by_prefix=True, limit=1))
step("filtered by prefix", [e.id for e in picked] == [first.id])
picked = list(client.read_all(filter_exclude=["Message.*"], backwards=True, limit=1))
step("filtered by exclusion", [e.type for e in picked] == ["ConsentRevoked"])

with client.subscribe_to_all(
    filter_include=(consent,),
    filter_by_stream_name=True,
    filter_by_prefix=True,
    include_checkpoints=True,
    include_caught_up=True,
    window_size=10,
    checkpoint_interval_multiplier=1,
) as subscription:
    seen = []
    for item in subscription:
        seen.append(item)
        if type(item).__name__ == "CaughtUp":
            break
    kinds = [type(item).__name__ for item in seen]
    step("subscription", [i.id for i in seen if type(i).__name__ == "RecordedEvent"] == [first.id, second.id])
    step("checkpoint", "Checkpoint" in kinds and seen[kinds.index("Checkpoint")].commit_position > 0)
    step("caught up", seen[-1].commit_position == client.get_commit_position())
    third = an_event()
    client.append_to_stream(consent, current_version=1, events=[third])
    step("live", next(i for i in subscription if type(i).__name__ == "RecordedEvent").id == third.id)

with client.subscribe_to_stream(consent, stream_position=0) as subscription:
    step("subscription to a stream", next(subscription).id == second.id)

client.set_stream_metadata(consent, metadata={"team": "blue"}, current_version=StreamState.NO_STREAM)
metadata, version = client.get_stream_metadata(consent)
step("metadata", metadata == {"team": "blue"} and version == 0)
identity, _ = client.get_stream_metadata("system-ledger")
step("ledger id", len(identity["consentLedgerId"]) > 0)

client.delete_stream(consent, current_version=2)
step("deleted", refused(NotFoundError, lambda: client.get_stream(consent)) is not None)
client.append_to_stream(consent, current_version=StreamState.NO_STREAM, events=[an_event()])
step("goes on after it", [e.stream_position for e in client.get_stream(consent)] == [3])
step("metadata stays", client.get_stream_metadata(consent)[0]["team"] == "blue")
step(
    "delete of nothing",
    refused(NotFoundError, lambda: client.delete_stream(f"consent-none-{run}", current_version=StreamState.ANY)),
)
client.tombstone_stream(consent, current_version=3)
step("tombstoned", refused(StreamIsDeletedError, lambda: client.get_stream(consent)) is not None)
step(
    "no append after it",
    refused(
        StreamIsDeletedError,
        lambda: client.append_to_stream(consent, current_version=StreamState.ANY, events=[an_event()]),
    ),
)
unimplemented = refused(GrpcError, lambda: client.create_subscription_to_all("group"))
step("persistent subscriptions", unimplemented is not None and "UNIMPLEMENTED" in str(unimplemented))
client.close()
