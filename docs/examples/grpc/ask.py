"""Asks Consent Ledger before a message is sent, and tells it of a stop.

    pip install grpcio-tools==1.71.2
    python -m grpc_tools.protoc -I libs/contracts/proto --python_out=. --grpc_python_out=. \
        libs/contracts/proto/consentledger/v1/*.proto
    LEDGER=localhost:50051 LEDGER_KEY=... BUSINESS=acme python ask.py +39021234567
"""

import os
import sys
import uuid

import grpc
from consentledger.v1 import consent_service_pb2 as consent
from consentledger.v1 import consent_service_pb2_grpc as consent_grpc
from consentledger.v1 import eligibility_service_pb2 as eligibility
from consentledger.v1 import eligibility_service_pb2_grpc as eligibility_grpc
from consentledger.v1 import recipient_pb2 as people

BUSINESS = os.environ["BUSINESS"]
KEY = ("authorization", "Bearer " + os.environ["LEDGER_KEY"])
TIMEOUT_S = 10


def main(phone):
    # With TLS: grpc.secure_channel(address, grpc.ssl_channel_credentials())
    with grpc.insecure_channel(os.environ["LEDGER"]) as channel:
        ledger = eligibility_grpc.EligibilityServiceStub(channel)
        commands = consent_grpc.ConsentServiceStub(channel)
        recipient = people.Recipient(phone=phone)

        question = eligibility.CheckRequest(
            business_id=BUSINESS, recipient=recipient, channel="whatsapp", purpose="offers"
        )
        before = ledger.Check(question, metadata=[KEY], timeout=TIMEOUT_S).decision
        print("before:", before.eligible, before.reason)

        # The same key with every attempt: however often it is sent, it is one stop.
        key = ("idempotency-key", str(uuid.uuid4()))
        stop = consent.RevokeRequest(
            business_id=BUSINESS, recipient=recipient, channels=["whatsapp"], method="keyword"
        )
        answer = commands.Revoke(stop, metadata=[KEY, key], timeout=TIMEOUT_S).answer
        again, call = commands.Revoke.with_call(stop, metadata=[KEY, key], timeout=TIMEOUT_S)
        replayed = ("idempotent-replayed", "true") in call.trailing_metadata()
        print("stopped:", answer.type, "once" if replayed and again.answer.event_id == answer.event_id else "twice")

        # With the position of the stop no replica answers from before it.
        question.at_least = answer.position
        after = ledger.Check(question, metadata=[KEY], timeout=TIMEOUT_S).decision
        print("after:", after.eligible, after.reason)

        requests = iter([
            eligibility.FilterRequest(
                business_id=BUSINESS,
                channel="whatsapp",
                purpose="offers",
                checks=[eligibility.CheckItem(ref="first", recipient=recipient)],
            )
        ])
        for response in ledger.Filter(requests, metadata=[KEY], timeout=TIMEOUT_S):
            for one in response.answers:
                print("filtered:", one.ref, one.WhichOneof("outcome"), one.decision.reason)


if __name__ == "__main__":
    main(sys.argv[1])
