"""sendook-mcp, a published client of sendook, against examples/sendook."""

import asyncio
import json
import os

keys = json.loads(os.environ["SENDOOK_KEYS"])
os.environ["SENDOOK_API_URL"] = os.environ["SENDOOK_URL"]
os.environ["SENDOOK_API_KEY"] = keys["api_key"]

import sendook_mcp as sendook


async def main():
    inbox = json.loads(await sendook.sendook_create_inbox(sendook.CreateInboxInput(name="Agent")))["inbox"]
    listing = sendook.ListInboxesInput(response_format="json")
    listed = json.loads(await sendook.sendook_list_inboxes(listing))
    assert inbox in listed["inboxes"], listed
    by_id = sendook.InboxIdInput(inbox_id=inbox["id"])
    assert json.loads(await sendook.sendook_get_inbox(by_id))["inbox"] == inbox

    new = sendook.SendMessageInput(
        inbox_id=inbox["id"],
        to=[inbox["email"], "someone@example.com"],
        cc=["copy@example.com"],
        subject="Hello",
        text="How are you?",
        labels=["test"],
    )
    sent = json.loads(await sendook.sendook_send_message(new))
    assert sent["success"] and sent["subject"] == "Hello", sent
    message = sendook.GetMessageInput(inbox_id=inbox["id"], message_id=sent["message_id"], response_format="json")
    shown = json.loads(await sendook.sendook_get_message(message))["message"]
    assert shown["to"] == new.to and shown["cc"] == new.cc and "How are you?" in shown["html"], shown

    reply = sendook.ReplyToMessageInput(inbox_id=inbox["id"], message_id=sent["message_id"], text="Well.")
    replied = json.loads(await sendook.sendook_reply_to_message(reply))
    query = sendook.ListMessagesInput(inbox_id=inbox["id"], query="well", response_format="json")
    found = json.loads(await sendook.sendook_list_messages(query))
    assert [item["id"] for item in found["messages"]] == [replied["reply_message_id"]], found
    assert found["messages"][0]["subject"] == "Re: Hello", found

    assert json.loads(await sendook.sendook_delete_inbox(by_id))["deleted_inbox"] == inbox
    assert "not found" in await sendook.sendook_get_inbox(by_id)
    for key in ["deleted", "access_token"]:
        sendook.API_KEY = keys[key]
        said = await sendook.sendook_list_inboxes(listing)
        assert said.startswith("Error: Authentication failed" if key == "deleted" else "Error: Permission denied"), said


asyncio.run(main())
print("all as expected")
