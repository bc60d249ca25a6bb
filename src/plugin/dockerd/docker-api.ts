/**
 * The little of Docker's API that we ask dockerd about its containers: one question per connection, and the stream of events.
 * No version is named: what is read has been in all of them, and dockerd refuses old ones. What comes back is checked field by
 * field; every question has an end.
 */
import { request, type IncomingMessage } from "node:http";
import { EngineError } from "../../base/errors.ts";
import { WireReader } from "../../drivers/remote/protocol/wire-reader.ts";

const TIMEOUT_MS = 10_000;
const MOST_BYTES = 16 * 1024 * 1024;

/** A container's place on a network. */
export interface ContainerEndpoint {
  readonly endpointId: string;
  readonly containerId: string;
  /** Without the slash. */
  readonly containerName: string;
}

export class DockerApi {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Of containers that run. */
  async endpoints(): Promise<readonly ContainerEndpoint[]> {
    const containers = (await this.#get("/containers/json")).list((item) => ({
      containerId: item.field("Id").text(),
      names: item.field("Names").list((name) => name.text()),
      endpointIds: Object.values(
        item
          .field("NetworkSettings")
          .field("Networks")
          .map((network) => network.field("EndpointID").text()),
      ),
    }));
    return containers.flatMap(({ containerId, names, endpointIds }) => {
      // Links give further names, with a slash inside.
      const own = names.map((name) => name.slice(1)).find((name) => !name.includes("/")) ?? "";
      return endpointIds.map((endpointId) => ({ endpointId, containerId, containerName: own }));
    });
  }

  /** `--network-alias` and what dockerd adds, by endpoint. Waits while the container is being started. */
  async aliases(containerId: string): Promise<ReadonlyMap<string, readonly string[]>> {
    const container = await this.#get(`/containers/${containerId}/json`);
    const networks = container.field("NetworkSettings").field("Networks");
    const pairs = Object.values(
      networks.map(
        (network) =>
          [network.field("EndpointID").text(), network.field("Aliases").list((alias) => alias.text())] as const,
      ),
    );
    return new Map(pairs);
  }

  /** Calls `onEvent` whenever containers or networks change, from `onOpen` on; resolves when the stream ends. */
  async follow(listener: { onOpen: () => void; onEvent: () => void; signal: AbortSignal }): Promise<void> {
    const filters = encodeURIComponent(JSON.stringify({ type: ["container", "network"] }));
    const response = await this.#ask(`/events?filters=${filters}`, listener.signal);
    listener.onOpen();
    const { promise, resolve } = Promise.withResolvers<void>();
    response.on("data", () => listener.onEvent());
    response.once("close", resolve).on("error", () => resolve());
    await promise;
  }

  async #get(path: string): Promise<WireReader> {
    const response = await this.#ask(path, AbortSignal.timeout(TIMEOUT_MS));
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > MOST_BYTES) throw new EngineError("unavailable", `dockerd's answer to ${path} is too long`);
      chunks.push(bytes);
    }
    return WireReader.parse(Buffer.concat(chunks).toString("utf8"), path);
  }

  async #ask(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const asked = request({ socketPath: this.#socketPath, path, host: "docker", signal });
    asked.once("response", resolve).on("error", reject).end();
    const response = await promise.catch((cause: unknown) => {
      throw EngineError.wrap(cause, `ask dockerd on ${this.#socketPath}`);
    });
    if (response.statusCode === 200) return response;
    response.destroy();
    throw new EngineError("unavailable", `dockerd answered ${response.statusCode} to ${path}`);
  }
}
