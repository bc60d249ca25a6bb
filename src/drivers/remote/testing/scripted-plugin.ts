/**
 * A plugin for tests, on a unix socket: it answers by script, remembers what it was asked, and can misbehave in every way that
 * bytes can. Nothing of ours is in it but the shape of HTTP.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../../base/log.ts";
import type { PluginDirectories } from "../discovery.ts";
import type { PluginDriversOptions } from "../plugin-drivers.ts";

export type Answer = unknown;
/** What to answer, or how to misbehave. */
export type Script = (request: never, response: ServerResponse) => Answer;

/** The script has taken care of the response itself. */
export const HANDLED = Symbol("handled");

export interface SeenCall {
  readonly method: string;
  readonly request: unknown;
}

/** What a plugin of both kinds answers that makes no trouble. */
const WELL_BEHAVED: Readonly<Record<string, Script>> = {
  "Plugin.Activate": () => ({ Implements: ["NetworkDriver", "IpamDriver"] }),
  "NetworkDriver.GetCapabilities": () => ({ Scope: "local" }),
  "IpamDriver.GetDefaultAddressSpaces": () => ({ LocalDefaultAddressSpace: "L", GlobalDefaultAddressSpace: "G" }),
};

export class ScriptedPlugin implements AsyncDisposable {
  readonly name: string;
  readonly calls: SeenCall[] = [];
  readonly directories: PluginDirectories;
  readonly #directory: string;
  #server: Server | undefined;
  /** By method; what is not in here is answered with an empty object. */
  scripts: Record<string, Script>;

  private constructor(name: string, directory: string, scripts: Readonly<Record<string, Script>>) {
    this.name = name;
    this.#directory = directory;
    this.directories = { sockets: join(directory, "run"), specs: [join(directory, "etc"), join(directory, "lib")] };
    this.scripts = { ...WELL_BEHAVED, ...scripts };
  }

  /** Not listening yet. */
  static async create(scripts: Readonly<Record<string, Script>> = {}, name = "plug"): Promise<ScriptedPlugin> {
    const plugin = new ScriptedPlugin(name, await mkdtemp(join(tmpdir(), "causeway-plugin-")), scripts);
    for (const directory of [plugin.directories.sockets, ...plugin.directories.specs]) await mkdir(directory);
    return plugin;
  }

  static async start(scripts: Readonly<Record<string, Script>> = {}, name = "plug"): Promise<ScriptedPlugin> {
    const plugin = await ScriptedPlugin.create(scripts, name);
    await plugin.listen();
    return plugin;
  }

  get socket(): string {
    return join(this.directories.sockets, `${this.name}.sock`);
  }

  /** Options that find this plugin, and are patient for a moment only. */
  get options(): PluginDriversOptions {
    return { directories: this.directories, retryDelaysMs: [], callTimeoutMs: 2_000, log: silentLog };
  }

  /** "CreateNetwork" of "NetworkDriver.CreateNetwork", in order, those of activation left out. */
  get methods(): readonly string[] {
    const introductions = new Set(["Activate", "GetCapabilities", "GetDefaultAddressSpaces"]);
    return this.calls.map(({ method }) => method.split(".")[1] ?? "").filter((method) => !introductions.has(method));
  }

  async listen(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        this.#answer((request.url ?? "").slice(1), text === "" ? null : JSON.parse(text), response);
      });
    });
    this.#server = server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(this.socket, resolve);
    await promise;
  }

  #answer(method: string, request: unknown, response: ServerResponse): void {
    this.calls.push({ method, request });
    const script = this.scripts[method] ?? (() => ({}));
    // Each script knows what its own call is asked.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const answer = script(request as never, response);
    if (answer === HANDLED) return;
    response.setHeader("Content-Type", "application/vnd.docker.plugins.v1.2+json");
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
  }

  /** As when the program ends: connections are cut, the socket's file is gone. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    server.closeAllConnections();
    await promise;
    await rm(this.socket, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

export function status(code: number, body: string): Script {
  return (_request, response) => {
    response.statusCode = code;
    response.end(body);
    return HANDLED;
  };
}

/** Bytes in place of HTTP. */
export function rawBytes(bytes: string | Uint8Array): Script {
  return (_request, response) => {
    response.socket?.end(bytes);
    return HANDLED;
  };
}

/** The answer's head, then nothing. */
export const hangs: Script = (_request, response) => {
  response.writeHead(200, { "Content-Length": "100" });
  response.flushHeaders();
  return HANDLED;
};
