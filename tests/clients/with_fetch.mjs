// Node's fetch, used as on docs-api's page.
import assert from "node:assert/strict";

const url = process.env.DOCS_API_URL;
const keys = JSON.parse(process.env.DOCS_API_KEYS);

async function call(method, path, key, body) {
  const headers = { "X-Forwarded-Proto": "https", "Content-Type": "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  return fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
}

const made = await call("POST", "/v1/jobs", keys.sk_test, { type: "made with fetch" });
assert.equal(made.status, 201);
const job = await made.json();
assert.equal(job.livemode, false);
assert.equal((await call("DELETE", `/v1/jobs/${job.id}`, keys.sk_test)).status, 204);
for (const [key, status] of [[undefined, 401], ["nonsense", 401], [keys.expired, 401], [keys.restricted_read, 403]]) {
  const refused = await call("POST", "/v1/jobs", key, { type: "refused" });
  assert.equal(refused.status, status);
  assert.equal(typeof (await refused.json()).code, "string");
}
console.log("all as expected");
