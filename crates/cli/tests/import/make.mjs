// Made better-auth.jsonl and prefixed-api-key.jsonl, with the real packages:
//
//   npm install --legacy-peer-deps @better-auth/api-key@1.7.5 better-auth@1.7.5 @better-auth/core@1.7.5 \
//     @better-auth/utils@0.4.2 better-call@1.4.0 prefixed-api-key@1.1.1
//   node make.mjs
//
// Each line has a key as its owner was shown it, and the row that is stored of it.
import { writeFileSync } from "node:fs";
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import prefixed from "prefixed-api-key";

const lines = (values) => values.map((value) => JSON.stringify(value) + "\n").join("");

const db = { user: [], session: [], account: [], verification: [], apikey: [] };
const auth = betterAuth({
  baseURL: "http://localhost:3000",
  secret: "only for these few rows: 0123456789abcdef",
  database: memoryAdapter(db),
  emailAndPassword: { enabled: true },
  plugins: [apiKey({ enableMetadata: true, keyExpiration: { maxExpiresIn: 36500 } })],
});
const { user } = await auth.api.signUpEmail({ body: { email: "a@example.org", password: "correct horse", name: "a" } });
const century = 100 * 365 * 24 * 60 * 60;
const made = [];
for (const body of [
  { name: "production", metadata: { team: "a" }, expiresIn: century },
  { name: "with a prefix", prefix: "acme_" },
  {},
]) {
  made.push(await auth.api.createApiKey({ body: { ...body, userId: user.id } }));
}
await auth.api.updateApiKey({ body: { keyId: made[2].id, userId: user.id, enabled: false } });
writeFileSync("better-auth.jsonl", lines(made.map(({ id, key }) => ({ key, row: db.apikey.find((row) => row.id === id) }))));

const keys = await Promise.all([1, 2].map(() => prefixed.generateAPIKey({ keyPrefix: "mycompany" })));
writeFileSync("prefixed-api-key.jsonl", lines(keys.map(({ token, shortToken, longTokenHash }) => ({ key: token, row: { shortToken, longTokenHash } }))));
