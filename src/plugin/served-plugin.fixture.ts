/** A served plugin to ask over its socket, whose driver writes down what it is asked. */
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { parsePrefix, servePlugin } from "./plugin.ts";
import type { IpamDriverHandlers, NetworkDriverHandlers, PluginOptions, ServedPlugin } from "./plugin.ts";

/** Removed when the test file ends. */
export const directory = mkdtempSync(join(tmpdir(), "causeway-plugin-"));
after(() => rmSync(directory, { recursive: true }));

export const NETWORK = "a".repeat(64);
const ENDPOINT = "e".repeat(64);
export const IDS = { NetworkID: NETWORK, EndpointID: ENDPOINT };
export const KEY = { networkId: NETWORK, endpointId: ENDPOINT };

export interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: unknown;
}

let sockets = 0;
export const socketPath = (): string => join(directory, `${sockets++}.sock`);

/** A driver that writes down what it is asked. */
export function recording(): { readonly asked: unknown[]; readonly driver: NetworkDriverHandlers } {
  const asked: unknown[] = [];
  const note = (request: unknown): void => void asked.push(request);
  return {
    asked,
    driver: {
      createNetwork: note,
      deleteNetwork: note,
      createEndpoint: note,
      deleteEndpoint: note,
      join: (endpoint) => {
        note(endpoint);
        return { interface: { sourceName: "ptp0", prefix: "eth" } };
      },
      leave: note,
    },
  };
}

export const ipam: IpamDriverHandlers = {
  requestPool: ({ subnet }) => ({
    poolId: "p1",
    subnet: subnet ?? parsePrefix("10.9.0.0/24"),
    gateway: parsePrefix("10.9.0.1/24"),
  }),
  releasePool: () => undefined,
  requestAddress: ({ purpose, address, mac }) => {
    if (address !== undefined) return { address, length: 24 };
    return parsePrefix(purpose === "gateway" ? "10.9.0.254/24" : mac === undefined ? "10.9.0.2/24" : "10.9.0.3/24");
  },
  releaseAddress: () => undefined,
};

export async function serve(options: Omit<PluginOptions, "name">): Promise<ServedPlugin & { readonly path: string }> {
  const path = socketPath();
  const plugin = await servePlugin({ name: "mine", listen: { socketPath: path }, ...options });
  return Object.assign(plugin, { path });
}

/** As moby's client posts: without a content type, and with no body at all where there is nothing to say. */
export async function post(path: string, call: string, body?: unknown): Promise<Answer> {
  const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(
    { socketPath: path, method: "POST", path: `/${call}`, headers: { Accept: "*/*" } },
    (response) => {
      let received = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (received += chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers["content-type"],
          body: JSON.parse(received),
        }),
      );
    },
  );
  sent.on("error", reject).end(text);
  return promise;
}
