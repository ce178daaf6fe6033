import createClient, { type Client, type ClientOptions } from "openapi-fetch";

import type { components, paths } from "./schema.js";

export type { components, operations, paths } from "./schema.js";

export type KeywardClient = Client<paths>;
export type Key = components["schemas"]["Key"];
export type Problem = components["schemas"]["Problem"];
/** The codes of this version. A later server may send others. */
export type ErrorCode = components["schemas"]["ErrorCode"];

/** Creates a client that sends a management key or an access token. */
export function createKeywardClient(url: string, credential: string, options: ClientOptions = {}): KeywardClient {
  const client = createClient<paths>({ ...options, baseUrl: url });
  client.use({
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${credential}`);
      return request;
    },
  });
  return client;
}
