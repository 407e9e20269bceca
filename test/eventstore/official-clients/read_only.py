"""Reads a read-only server over TLS with kurrentdbclient, and finds that it cannot be written.

usage: read_only.py <connection string> <file of the certificate authority>
"""

import sys

from kurrentdbclient import KurrentDBClient, NewEvent, StreamState
from kurrentdbclient.exceptions import AccessDeniedError

with open(sys.argv[2], "rb") as authority:
    client = KurrentDBClient(sys.argv[1], root_certificates=authority.read())

print(f"right: {len(list(client.read_all()))} events")
event = NewEvent(type="ConsentGranted", data=b"{}")
try:
    client.append_to_stream("consent-1", current_version=StreamState.ANY, events=[event])
    sys.exit("wrong: the append was taken")
except AccessDeniedError:
    print("right: access denied")
client.close()
