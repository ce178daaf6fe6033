// A server on Node's `http`. better-auth's api-key plugin verifies every request, or none with OPEN=1.
//
// The store is in memory, the quickest of better-auth's adapters. Its rate limits are off, because their default is ten requests a day.
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";

const auth = betterAuth({
  baseURL: "http://127.0.0.1",
  secret: "a secret for measuring, and for nothing else",
  database: memoryAdapter({ user: [], session: [], account: [], verification: [], apikey: [] }),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
  plugins: [apiKey({ rateLimit: { enabled: false } })],
});

const { user } = await auth.api.signUpEmail({
  body: { email: "demo@example.com", password: "measured in private", name: "Demo" },
});
const keys = [];
for (let number = 0; number < Number(process.env.KEYS); number += 1) {
  const { key } = await auth.api.createApiKey({ body: { userId: user.id, name: `key ${number}` } });
  keys.push(key);
}
writeFileSync(process.env.KEYS_FILE, keys.join("\n") + "\n");

const isOpen = process.env.OPEN === "1";
const valid = async (request) => {
  const [scheme, key] = (request.headers.authorization ?? "").split(" ");
  if (scheme !== "Bearer" || !key) return false;
  return (await auth.api.verifyApiKey({ body: { key } })).valid;
};
createServer(async (request, response) => {
  const status = isOpen || (await valid(request)) ? 200 : 401;
  response.writeHead(status, { "content-type": "application/json" });
  response.end(status === 200 ? '{"ok":true}' : '{"ok":false}');
}).listen(Number(process.env.PORT), "127.0.0.1");
