"""The official MCP client for Python, against examples/mcp."""

import asyncio
import json
import os
import subprocess

from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

url = os.environ["MCP_URL"] + "/mcp"
keys = json.loads(os.environ["MCP_KEYS"])
MODES = ["legacy", "auto"]


def client(http, mode):
    return Client(streamable_http_client(url, http_client=http), mode=mode)


def http_of(key, **headers):
    return create_mcp_http_client(headers=headers | ({"Authorization": f"Bearer {key}"} if key else {}))


async def fails(call, message, code):
    try:
        await call
    except* MCPError as group:
        errors = [group]
        while isinstance(errors[0], BaseExceptionGroup):
            errors = errors[0].exceptions
        assert message in str(errors[0]), errors[0]
        assert errors[0].error.data["code"] == code, errors[0].error
    else:
        raise AssertionError(f"was not refused with {code}")


async def all_tools(mode):
    async with http_of(keys["full"]) as http, client(http, mode) as session:
        tools = await session.list_tools()
        assert sorted(tool.name for tool in tools.tools) == ["add_note", "list_notes", "whoami"], tools
        who = await session.call_tool("whoami", {})
        assert who.structured_content["account"] == "acct_demo", who
        added = await session.call_tool("add_note", {"text": mode})
        assert not added.is_error, added
        listed = await session.call_tool("list_notes", {})
        assert mode in listed.structured_content["notes"], listed


async def scopes(mode):
    async with http_of(keys["read_only"]) as http, client(http, mode) as session:
        assert not (await session.call_tool("list_notes", {})).is_error
        await fails(session.call_tool("add_note", {"text": "x"}), "notes:write", "INSUFFICIENT_SCOPE")
        # The session goes on.
        assert (await session.call_tool("whoami", {})).structured_content["scopes"] == ["notes:read"]
    async with http_of(keys["no_scope"]) as http, client(http, mode) as session:
        await fails(session.call_tool("list_notes", {}), "notes:read", "INSUFFICIENT_SCOPE")


async def refused(mode):
    async def connect(http):
        async with client(http, mode):
            pass

    for name, message, code in [
        (None, "No API key was sent", "MISSING_API_KEY"),
        ("revoked", "has been revoked", "API_KEY_REVOKED"),
        ("expired", "has expired", "API_KEY_EXPIRED"),
    ]:
        # A server may close a connection whose request it refused before it had read the body.
        async with http_of(name and keys[name], Connection="close") as http:
            await fails(connect(http), message, code)
        async with http_of(name and keys[name]) as http:
            answer = await http.post(url, json={})
            assert answer.status_code == 401, answer
            challenge = answer.headers["www-authenticate"]
            assert challenge.startswith('Bearer realm="api"'), challenge
            assert ("error=" in challenge) == (name is not None), challenge


async def revoked_during_the_session(mode):
    key = keys[f"short_lived_{mode}"]
    async with http_of(key) as http, client(http, mode) as session:
        who = (await session.call_tool("whoami", {})).structured_content
        await asyncio.to_thread(subprocess.run, [*json.loads(os.environ["REVOKE"]), who["key"], "--yes"], check=True)
        await fails(session.call_tool("whoami", {}), "has been revoked", "API_KEY_REVOKED")


async def main():
    for mode in MODES:
        for part in [all_tools, scopes, refused, revoked_during_the_session]:
            await part(mode)
            print(mode, part.__name__)


asyncio.run(main())
print("all as expected")
