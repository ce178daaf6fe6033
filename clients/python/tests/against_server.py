"""Uses the client against the server at KEYWARD_URL, with the management key in KEYWARD_KEY."""

import os

from keyward_client import AuthenticatedClient
from keyward_client.api.keys import create_key, get_key, list_keys, revoke_key, rotate_key, update_key
from keyward_client.api.verification import verify_key
from keyward_client.models import (
    ChangedKey,
    CreateKey,
    ErrorCode,
    IssuedKey,
    KeyPage,
    KeyStatus,
    Problem,
    Question,
    RefusedKey,
    RotatedKey,
    RotateKey,
    UpdateKey,
    ValidKey,
)

URL = os.environ["KEYWARD_URL"]
client = AuthenticatedClient(URL, token=os.environ["KEYWARD_KEY"])

created = create_key.sync_detailed(
    client=client, body=CreateKey(name="from Python", scopes=["resources:read"]), idempotency_key="from-python"
)
issued = created.parsed
assert isinstance(issued, IssuedKey) and issued.status is KeyStatus.ACTIVE, issued
assert created.status_code == 201 and created.headers["etag"] == f'"{issued.version}"', created.headers

assert issued.key not in repr(issued) + repr(created), created
assert os.environ["KEYWARD_KEY"] not in repr(client), client

page = list_keys.sync(client=client, text="from Python", limit=10)
assert isinstance(page, KeyPage) and [key.id for key in page.data] == [issued.id], page

updated = update_key.sync(issued.id, client=client, body=UpdateKey(name="renamed"), if_match=created.headers["etag"])
assert isinstance(updated, ChangedKey) and updated.name == "renamed", updated

verdict = verify_key.sync(client=client, body=Question(key=issued.key, scopes=["resources:read"]))
assert isinstance(verdict, ValidKey) and verdict.key_id == issued.id, verdict

rotated = rotate_key.sync(issued.id, client=client, body=RotateKey(overlap_seconds=0))
assert isinstance(rotated, RotatedKey) and rotated.rotated_from == issued.id, rotated
assert rotated.predecessor.rotated_to == rotated.id, rotated

revoked = revoke_key.sync(rotated.id, client=client)
assert isinstance(revoked, ChangedKey) and revoked.status is KeyStatus.REVOKED, revoked

verdict = verify_key.sync(client=client, body=Question(key=rotated.key))
assert isinstance(verdict, RefusedKey) and verdict.code is ErrorCode.API_KEY_REVOKED, verdict

missing = get_key.sync_detailed("key_unknown", client=client)
assert missing.status_code == 404 and isinstance(missing.parsed, Problem), missing
assert missing.parsed.code is ErrorCode.NOT_FOUND, missing.parsed
assert missing.parsed.request_id == missing.headers["x-request-id"], missing.headers

stale = update_key.sync(issued.id, client=client, body=UpdateKey(name="late"), if_match='"1"')
assert isinstance(stale, Problem) and stale.code is ErrorCode.PRECONDITION_FAILED, stale

stranger = list_keys.sync(client=AuthenticatedClient(URL, token="nonsense"))
assert isinstance(stranger, Problem) and stranger.code is ErrorCode.INVALID_API_KEY, stranger
print("all as expected")
