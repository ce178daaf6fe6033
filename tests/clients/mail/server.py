"""A mail server that keeps each mail as a JSON file in a folder. Prints its port when it listens."""

import argparse
import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Keeper:
    def __init__(self, folder):
        self.folder = folder

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("unknown@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
        mail = {
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "names": [name.lower() for name in message.keys()],
            "plain": parts.get("text/plain", "").replace("\r\n", "\n"),
            "html": parts.get("text/html", ""),
        }
        number = len(os.listdir(self.folder))
        path = os.path.join(self.folder, f"{number:04}.json")
        with open(path + ".part", "x") as file:
            json.dump(mail, file)
        os.rename(path + ".part", path)
        return "250 kept"


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--smtps", action="store_true")
    parser.add_argument("--password")
    arguments = parser.parse_args()
    context = None
    if arguments.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)

    def authenticate(server, session, envelope, mechanism, data):
        is_right = data.password == arguments.password.encode()
        return AuthResult(success=is_right, handled=False, auth_data=data if is_right else None)

    options = {"enable_SMTPUTF8": False, "hostname": "mail.example.com"}
    if arguments.password:
        options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": context is not None}
    if context and not arguments.smtps:
        options |= {"tls_context": context, "require_starttls": True}
    keeper = Keeper(arguments.folder)
    # The connection of smtps:// is encrypted, which aiosmtpd cannot see.
    if arguments.smtps:
        options["auth_require_tls"] = False
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(keeper, **options),
        "127.0.0.1",
        arguments.port,
        ssl=context if arguments.smtps else None,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    # Ends with the test.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
