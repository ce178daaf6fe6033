// The certified `oidc-provider` on a free port. Its first line of output is its issuer.
//
// The name that a user types at sign-in is their subject, and their address is that name at example.com. A prefix such as `expired.`
// in the name makes this program change the ID token and sign it again, as a dishonest provider could.
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [modules, secret, idTokens] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));

const newKey = (kid) => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { privateKey, jwk: { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" } };
};
const own = newKey("own");
let later;

const claims = (sub) => {
  const [first, name] = sub.includes(".") ? sub.split(".") : ["", sub];
  if (first === "without-email") return { sub, name };
  return { sub, name: `The ${name}`, email: `${name}@example.com`, email_verified: first !== "unverified" };
};

const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const signed = (payload, key = own, kid = "own") => {
  const text = `${encode({ alg: "RS256", kid })}.${encode(payload)}`;
  return `${text}.${sign("sha256", Buffer.from(text), key.privateKey).toString("base64url")}`;
};
const seconds = () => Math.floor(Date.now() / 1000);
const changes = {
  same: (payload) => signed(payload),
  audience: (payload) => signed({ ...payload, aud: "another" }),
  audiences: (payload) => signed({ ...payload, aud: [payload.aud, "another"] }),
  "other-party": (payload) => signed({ ...payload, azp: "another" }),
  "own-party": (payload) => signed({ ...payload, azp: payload.aud }),
  "no-subject": (payload) => signed({ ...payload, sub: "" }),
  "long-subject": (payload) => signed({ ...payload, sub: "s".repeat(100_000) }),
  "foreign-subject": (payload) => signed({ ...payload, sub: "Zoë" }),
  "long-audience": (payload) => signed({ ...payload, aud: "a".repeat(100_000) }),
  "long-email": (payload) => signed({ ...payload, email: `${"e".repeat(50_000)}@${"d".repeat(50_000)}.com` }),
  "long-name": (payload) => signed({ ...payload, name: "n".repeat(100_000) }),
  issuer: (payload) => signed({ ...payload, iss: "https://login.example.com" }),
  expired: (payload) => signed({ ...payload, exp: seconds() - 60 }),
  nonce: (payload) => signed({ ...payload, nonce: "another" }),
  "no-nonce": ({ nonce, ...payload }) => signed(payload),
  "access-token": (payload) => signed({ ...payload, at_hash: "AAAAAAAAAAAAAAAAAAAAAA" }),
  "unknown-key": (payload) => signed(payload, newKey("own")),
  unsigned: (payload) => `${encode({ alg: "none" })}.${encode(payload)}.`,
  hmac: (payload) => {
    const text = `${encode({ alg: "HS256" })}.${encode(payload)}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  },
  rotated: (payload) => {
    later ??= newKey("later");
    return signed(payload, later, "later");
  },
  "no-token": () => undefined,
};

let handler = () => {};
const server = createServer((request, response) => handler(request, response));
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "keyward", client_secret: secret, redirect_uris: ["http://127.0.0.1/login/oidc/callback"] }],
    jwks: { keys: [own.jwk] },
    cookies: { keys: ["of a test"] },
    claims: { email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: idTokens !== "full",
    findAccount: (_, sub) => ({ accountId: sub, claims: () => claims(sub) }),
    // Grant every request without asking for consent.
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({ accountId: ctx.oidc.session.accountId, clientId: ctx.oidc.client.clientId });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  });
  // Each test's service has another port.
  provider.Client.prototype.redirectUriAllowed = (uri) => /^http:\/\/127\.0\.0\.1:\d+\/login\/oidc\/callback$/.test(uri);
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === "token" && ctx.body?.id_token) {
      const payload = JSON.parse(Buffer.from(ctx.body.id_token.split(".")[1], "base64url"));
      const change = changes[payload.sub.split(".")[0]];
      if (change) ctx.body.id_token = change(payload);
    }
    if (ctx.oidc?.route === "jwks" && later) {
      const { d, p, q, dp, dq, qi, ...open } = later.jwk;
      ctx.body.keys.push(open);
    }
  });
  handler = provider.callback();
  console.log(issuer);
});
