import createClient, { type Client, type ClientOptions } from "openapi-fetch";

import type { components, paths } from "./schema.js";

export type { components, operations, paths } from "./schema.js";

export type KeywardClient = Client<paths>;
export type Key = components["schemas"]["Key"];
export type Problem = components["schemas"]["Problem"];
/** The codes of this version. A later server may send others. */
export type ErrorCode = components["schemas"]["ErrorCode"];

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * Creates a client that sends a management key or an access token.
 *
 * It does not follow redirects, which could pass a secret to another host.
 *
 * @throws {Error} if the URL would send the credential without TLS to another machine.
 */
export function createKeywardClient(url: string, credential: string, options: ClientOptions = {}): KeywardClient {
  const { protocol, hostname } = new URL(url);
  if (protocol !== "https:" && !(protocol === "http:" && LOOPBACK.test(hostname))) {
    throw new Error(`${url} would send the key without TLS. Use https, or http to this machine.`);
  }
  const client = createClient<paths>({ redirect: "error", ...options, baseUrl: url });
  client.use({
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${credential}`);
      return request;
    },
  });
  return client;
}
