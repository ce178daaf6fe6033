// A client that sends what sendook's Node client sends, and reads what that client's callers read, against examples/sendook.

import assert from "node:assert/strict";

const url = process.env.SENDOOK_URL;
const keys = JSON.parse(process.env.SENDOOK_KEYS);

class Refused extends Error {
  constructor(status, body) {
    super(body.error?.message);
    this.status = status;
  }
}

class Sendook {
  constructor(key) {
    const call = async (method, path, body) => {
      const headers = { Authorization: `Bearer ${key}` };
      if (body) headers["Content-Type"] = "application/json";
      // JSON leaves out members that the caller did not set.
      const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
      const read = await answer.json();
      if (!answer.ok) throw new Refused(answer.status, read);
      return read;
    };
    const all = (path) => ({
      create: (item) => call("POST", path, item),
      list: () => call("GET", path),
      get: (id) => call("GET", `${path}/${id}`),
      delete: (id) => call("DELETE", `${path}/${id}`),
    });
    const messages = (inbox) => `/v1/inboxes/${inbox}/messages`;
    this.apiKey = all("/v1/api_keys");
    this.inbox = {
      ...all("/v1/inboxes"),
      message: {
        send: ({ inboxId, ...message }) => call("POST", `${messages(inboxId)}/send`, message),
        reply: ({ inboxId, messageId, text, html }) =>
          call("POST", `${messages(inboxId)}/${messageId}/reply`, { text, html }),
        list: (inbox, query) =>
          call("GET", messages(inbox) + (query === undefined ? "" : `?query=${encodeURIComponent(query)}`)),
        get: (inbox, message) => call("GET", `${messages(inbox)}/${message}`),
      },
    };
  }
}

const client = new Sendook(keys.api_key);
const other = new Sendook(keys.other_api_key);
const refused = (call, status) => assert.rejects(call, (error) => error instanceof Refused && error.status === status);
const hasBothIds = (item) => assert.ok(item.id && item._id === item.id, JSON.stringify(item));

// Inboxes.
const inbox = await client.inbox.create({ name: "Support", email: undefined });
hasBothIds(inbox);
assert.match(inbox.email, /@sendook\.com$/);
const named = await client.inbox.create({ name: "Sales", email: `sales-${inbox.email}` });
assert.equal(named.email, `sales-${inbox.email}`);
await refused(client.inbox.create({ name: "Again", email: named.email }), 409);
await refused(client.inbox.create({ name: "Elsewhere", email: "sales@example.com" }), 400);
await refused(client.inbox.create({ name: "" }), 400);
const inboxes = await client.inbox.list();
inboxes.forEach(hasBothIds);
assert.ok(Array.isArray(inboxes) && inboxes.some((item) => item._id === inbox._id));
assert.deepEqual(await client.inbox.get(inbox._id), inbox);
const theirs = (await other.inbox.list())[0];
await refused(client.inbox.get(theirs._id), 404);

// Messages.
const sent = await client.inbox.message.send({
  inboxId: inbox._id,
  to: [theirs.email, "someone@example.com"],
  cc: [named.email],
  bcc: ["blind@example.com"],
  labels: ["welcome"],
  subject: "Hello 100%",
  text: "How are you?",
  html: "<p>How are you?</p>",
});
hasBothIds(sent);
assert.deepEqual(sent.to, [theirs.email, "someone@example.com"]);
assert.deepEqual([sent.cc, sent.bcc, sent.labels], [[named.email], ["blind@example.com"], ["welcome"]]);
assert.deepEqual([sent.from, sent.html], [inbox.email, "<p>How are you?</p>"]);
assert.deepEqual(await client.inbox.message.get(inbox._id, sent._id), sent);

const received = (await other.inbox.message.list(theirs._id))[0];
assert.deepEqual([received.subject, received.text, received.html], [sent.subject, sent.text, sent.html]);
assert.deepEqual([received.to, received.cc, received.bcc], [sent.to, sent.cc, []]);
assert.equal((await client.inbox.message.list(named._id))[0].subject, sent.subject);

const reply = await other.inbox.message.reply({
  inboxId: theirs._id,
  messageId: received._id,
  text: "Well.",
  html: "<p>Well.</p>",
});
hasBothIds(reply);
assert.deepEqual(
  [reply.subject, reply.text, reply.html, reply.to],
  ["Re: Hello 100%", "Well.", "<p>Well.</p>", [inbox.email]],
);
const subjects = async (query) => (await client.inbox.message.list(inbox._id, query)).map((item) => item.subject);
for (const [query, found] of [
  [undefined, ["Re: Hello 100%", "Hello 100%"]],
  ["", ["Re: Hello 100%", "Hello 100%"]],
  ["well", ["Re: Hello 100%"]],
  ["0%", ["Re: Hello 100%", "Hello 100%"]],
  ["1_0", []],
  ["BLIND@example.com", ["Hello 100%"]],
  ["welcome", ["Hello 100%"]],
  ["' OR 1=1 --", []],
]) {
  assert.deepEqual(await subjects(query), found, query);
}
await refused(client.inbox.message.list(inbox._id, "a".repeat(201)), 400);

for (const message of [
  { to: [], subject: "a", text: "a" },
  { to: ["nobody"], subject: "a", text: "a" },
  { to: [inbox.email], cc: ["no body@example.com"], subject: "a", text: "a" },
  { to: [inbox.email], subject: "a" },
  { to: [inbox.email], subject: "a".repeat(999), text: "a" },
  { to: Array(51).fill(inbox.email), subject: "a", text: "a" },
  { to: [inbox.email], subject: "a", text: "a", attachments: [{ content: "YQ==", name: "a.txt" }] },
  { to: 1, subject: "a", text: "a" },
]) {
  await refused(client.inbox.message.send({ inboxId: inbox._id, ...message }), 400);
}
await refused(client.inbox.message.get(inbox._id, received._id), 404);
await refused(client.inbox.message.get(inbox._id, "msg_none"), 404);
await refused(client.inbox.message.reply({ inboxId: inbox._id, messageId: received._id, text: "a", html: "a" }), 404);
await refused(client.inbox.message.reply({ inboxId: inbox._id, messageId: sent._id }), 400);
await refused(other.inbox.message.list(inbox._id), 404);

// Keys.
const key = await client.apiKey.create({ name: "staging" });
hasBothIds(key);
assert.ok(key.key.startsWith("sendook_"));
const shown = await client.apiKey.get(key._id);
hasBothIds(shown);
assert.deepEqual([shown.name, shown.key], ["staging", undefined]);
assert.ok((await client.apiKey.list()).some((item) => item._id === key._id));
const staging = new Sendook(key.key);
assert.equal((await staging.inbox.get(inbox._id)).email, inbox.email);
const deleted = await client.apiKey.delete(key._id);
assert.ok(deleted._id === key._id && deleted.revokedAt);
await refused(staging.inbox.list(), 401);
await refused(other.apiKey.get(key._id), 404);

assert.equal((await client.inbox.delete(inbox._id))._id, inbox._id);
await refused(client.inbox.get(inbox._id), 404);
await refused(client.inbox.message.get(inbox._id, sent._id), 404);
console.log("all as expected");
