// Uses the client against the server at KEYWARD_URL, with the management key in KEYWARD_KEY.

import { createKeywardClient, type ErrorCode, type Key } from "../src/index.js";

declare const process: { env: Record<string, string | undefined> };

const url = process.env["KEYWARD_URL"] ?? "";
const keyward = createKeywardClient(url, process.env["KEYWARD_KEY"] ?? "");

function check(condition: boolean, found: unknown): asserts condition {
  if (!condition) throw new Error(`not as expected: ${JSON.stringify(found)}`);
}

function refused(answer: { error?: { code: string }; response: Response }, status: number, code: ErrorCode) {
  check(answer.response.status === status && answer.error?.code === code, answer.error);
}

for (const unsafe of ["http://keys.example.com", "http://127.0.0.1.example.com", "ftp://localhost"]) {
  let refusal = "";
  try {
    createKeywardClient(unsafe, "kwms_live_unused");
  } catch (error) {
    refusal = String(error);
  }
  check(refusal.includes("without TLS"), unsafe);
}

const created = await keyward.POST("/v1/keys", {
  body: { name: "from TypeScript", scopes: ["resources:read"] },
  params: { header: { "Idempotency-Key": "from-typescript" } },
});
check(created.data !== undefined, created.error);
const issued = created.data;
const etag = created.response.headers.get("etag");
check(created.response.status === 201 && etag === `"${issued.version}"`, etag);

const listed = await keyward.GET("/v1/keys", { params: { query: { text: "from TypeScript", limit: 10 } } });
const keys: Key[] = listed.data?.data ?? [];
check(keys.length === 1 && keys[0]?.id === issued.id, keys);

const path = { key: issued.id };
const updated = await keyward.PATCH("/v1/keys/{key}", {
  body: { name: "renamed" },
  params: { header: { "If-Match": etag }, path },
});
check(updated.data?.name === "renamed", updated);

const accepted = await keyward.POST("/v1/verify", { body: { key: issued.key, scopes: ["resources:read"] } });
check(accepted.data?.valid === true && accepted.data.key_id === issued.id, accepted);

const rotated = await keyward.POST("/v1/keys/{key}/rotate", { body: { overlap_seconds: 0 }, params: { path } });
check(rotated.data?.rotated_from === issued.id, rotated);
check(rotated.data.predecessor.rotated_to === rotated.data.id, rotated.data);

const revoked = await keyward.POST("/v1/keys/{key}/revoke", { params: { path: { key: rotated.data.id } } });
check(revoked.data?.status === "revoked", revoked);

const verdict = await keyward.POST("/v1/verify", { body: { key: rotated.data.key } });
check(verdict.data?.valid === false && verdict.data.code === "API_KEY_REVOKED", verdict);

const missing = await keyward.GET("/v1/keys/{key}", { params: { path: { key: "key_unknown" } } });
refused(missing, 404, "NOT_FOUND");
check(missing.error?.request_id === missing.response.headers.get("x-request-id"), missing.error);

const late = { body: { name: "late" }, params: { header: { "If-Match": '"1"' }, path } };
refused(await keyward.PATCH("/v1/keys/{key}", late), 412, "PRECONDITION_FAILED");
refused(await createKeywardClient(url, "nonsense").GET("/v1/keys"), 401, "INVALID_API_KEY");

console.log("all as expected");
