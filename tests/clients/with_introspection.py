"""Clients of token introspection (RFC 7662), against `keyward serve`."""

import asyncio
import json
import os
import subprocess

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.integrations.requests_client import OAuth2Session
from fastmcp import FastMCP
from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier
from starlette.testclient import TestClient

url = os.environ["KEYWARD_URL"] + "/v1/introspect"
keys = json.loads(os.environ["KEYS"])
MCP = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


def verifier(method, secret=keys["verifier"], scopes=None):
    return IntrospectionTokenVerifier(
        introspection_url=url,
        client_id="resource server",
        client_secret=secret,
        client_auth_method=method,
        required_scopes=scopes,
    )


async def fastmcp_verifies(method):
    found = await verifier(method).verify_token(keys["reader"])
    assert found.scopes == ["notes:read"] and found.claims["kind"] == "restricted", found
    assert found.client_id.startswith("key_") and found.subject == found.claims["account"], found
    assert found.claims["iss"] == os.environ["ISSUER"], found
    assert await verifier(method, scopes=["notes:read"]).verify_token(keys["reader"])
    # Without `introspection_scopes`, a client would not know that `*` grants it.
    assert await verifier(method, scopes=["notes:write"]).verify_token(keys["full"])
    for key, scopes in [
        (keys["reader"], ["notes:write"]),
        (keys["revoked"], None),
        (keys["reader"][:-1], None),
        ("not a key", None),
    ]:
        assert await verifier(method, scopes=scopes).verify_token(key) is None, key
    for secret in [keys["reader"], "wrong"]:
        assert await verifier(method, secret).verify_token(keys["reader"]) is None


def fastmcp_protects_a_server():
    server = FastMCP("notes", auth=verifier("client_secret_basic", scopes=["notes:read"]))
    with TestClient(server.http_app(), base_url="http://127.0.0.1:8000") as client:
        for key, status in [("reader", 200), ("full", 200), ("no_scope", 401), ("revoked", 401), (None, 401)]:
            headers = MCP | ({"authorization": f"Bearer {keys[key]}"} if key else {})
            answer = client.post("/mcp", json=INITIALIZE, headers=headers)
            assert answer.status_code == status, (key, answer.status_code, answer.text)


def authlib_introspects(method):
    session = OAuth2Session("resource server", keys["verifier"], token_endpoint_auth_method=method)
    answer = session.introspect_token(url, token=keys["reader"], token_type_hint="access_token")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store", answer.headers
    assert answer.json()["active"] is True and answer.json()["token_type"] == "Bearer", answer.json()
    answer = session.introspect_token(url, token=keys["revoked"])
    assert answer.json() == {"active": False}, answer.json()
    session = OAuth2Session("resource server", "wrong", token_endpoint_auth_method=method)
    answer = session.introspect_token(url, token=keys["reader"])
    assert answer.status_code == 401 and answer.json()["error"] == "invalid_client", answer.text


async def revoked_in_between():
    assert await verifier("client_secret_basic").verify_token(keys["short_lived"])
    await asyncio.to_thread(subprocess.run, json.loads(os.environ["REVOKE"]), check=True)
    assert await verifier("client_secret_basic").verify_token(keys["short_lived"]) is None


for method in ["client_secret_basic", "client_secret_post"]:
    asyncio.run(fastmcp_verifies(method))
    authlib_introspects(method)
fastmcp_protects_a_server()
asyncio.run(revoked_in_between())
print("all as expected")
