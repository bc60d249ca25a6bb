/**
 * A plugin by name: found, activated once and called, as moby's `pkg/plugins` does. Where dockerd waits for ever a time limit
 * holds: one for each call (`callTimeoutMs`), and one for how long a plugin that is not there is waited for (`retryDelaysMs`,
 * dockerd's 1, 2, 4, 8 s). Only a connection that failed is tried again; dockerd also repeats calls that were cut short, which
 * may then be done twice. Whoever was waited for in vain is not waited for again, or for a moment only, until it answers.
 *
 * Errors are EngineErrors. What the plugin says of a call (`Err`, `Error`, another status than 200) is told in dockerd's words;
 * everything else names the plugin and the call.
 */
import { setTimeout as delay } from "node:timers/promises";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { RecordError } from "../../store/record-reader.ts";
import { findPlugin, formatPluginAddress, type PluginAddress, type PluginDirectories } from "./discovery.ts";
import { exchange, NotConnected, TimedOut, type Reply } from "./http-exchange.ts";
import { ACTIVATE, failureOf, IPAM_DRIVER_INTERFACE, type Call } from "./protocol/protocol.ts";
import { WireReader } from "./protocol/wire-reader.ts";

export interface PluginSettings {
  readonly directories: PluginDirectories;
  readonly callTimeoutMs: number;
  readonly retryDelaysMs: readonly number[];
  readonly maxAnswerBytes: number;
  readonly log: Log;
  /** Ends all calls underway. */
  readonly signal: AbortSignal;
}

/** The plugin knows no such method (404); dockerd lets a few of them pass. */
export class UnknownMethod extends EngineError {}

/** The plugin has the call, and nobody knows what it did with it. */
export class CutShort extends EngineError {}

/** For one that was silent for a whole time limit already: a container has several things to tell it when it goes. */
const SILENT_TIMEOUT_MS = 2_000;

/** Of what a plugin sends in place of an answer, shown in an error. */
const MAX_SHOWN = 4096;

export class Plugin {
  readonly name: string;
  readonly #settings: PluginSettings;
  #activation: Promise<readonly string[]> | undefined;
  /** Nobody was there for as long as one waits. */
  #isAway = false;
  /** It was there and did not answer in time. */
  #isSilent = false;

  constructor(name: string, settings: PluginSettings) {
    this.name = name;
    this.#settings = settings;
  }

  /** What it implements. Asked once; a failure is not remembered. Throws `not-found` 'plugin "NAME" not found'. */
  activate(): Promise<readonly string[]> {
    this.#activation ??= this.#send(ACTIVATE, {}).then(
      ({ Implements }) => Implements,
      (cause: unknown) => {
        this.#activation = undefined;
        if (cause instanceof EngineError && cause.code === "not-found") throw cause;
        throw EngineError.wrap(cause, "legacy plugin");
      },
    );
    return this.#activation;
  }

  /** Throws `internal` unless the plugin says that it implements the interface. */
  async demand(interfaceName: string): Promise<void> {
    const implemented = await this.activate();
    if (implemented.includes(interfaceName)) return;
    const which = `plugin="${this.name}", requested implementation="${interfaceName}"`;
    throw new EngineError("internal", `legacy plugin: Plugin does not implement the requested driver: ${which}`);
  }

  /** One call. An empty request has no body. */
  async call<Request extends object, Answer>(call: Call<Request, Answer>, request: Request): Promise<Answer> {
    return this.#send(call, request);
  }

  async #send<Request extends object, Answer>(call: Call<Request, Answer>, request: Request): Promise<Answer> {
    const body = Object.keys(request).length === 0 ? undefined : `${JSON.stringify(request)}\n`;
    const reply = await this.#reply(call.name, body);
    if (reply.status !== 200) throw statusError(call.name, reply);
    try {
      const reader = WireReader.parse(reply.body, "answer");
      const failure = failureOf(reader, call.name.startsWith(IPAM_DRIVER_INTERFACE) ? "Error" : "Err");
      if (failure !== "") throw new EngineError("internal", `remote: ${failure.slice(0, MAX_SHOWN)}`);
      return call.answer(reader);
    } catch (cause) {
      if (!(cause instanceof RecordError)) throw cause;
      throw this.#failed(call.name, cause, "internal");
    }
  }

  /** Tries until somebody answers or patience ends. */
  async #reply(method: string, body: string | undefined): Promise<Reply> {
    const delays = this.#isAway ? [] : this.#settings.retryDelaysMs;
    for (const wait of [...delays, undefined]) {
      try {
        const reply = await this.#attempt(method, body);
        this.#isAway = this.#isSilent = false;
        return reply;
      } catch (cause) {
        this.#isSilent ||= cause instanceof TimedOut;
        if (!(cause instanceof NotConnected) && !(cause instanceof NotThere)) {
          throw new CutShort("unavailable", this.#failure(method, cause), { cause });
        }
        if (wait === undefined) return this.#giveUp(method, cause);
        this.#settings.log.warn({ plugin: this.name, method }, `${cause.message}, retrying in ${wait / 1000}s`);
        await delay(wait, undefined, { signal: this.#settings.signal, ref: false }).catch(() => undefined);
      }
    }
    throw new EngineError("internal", `plugin ${this.name}: ${method}: not tried`);
  }

  #giveUp(method: string, cause: NotConnected | NotThere): never {
    this.#isAway = true;
    if (cause instanceof NotConnected) throw this.#failed(method, cause, "unavailable");
    if (cause.why !== undefined) throw this.#failed(method, cause.why, "unavailable");
    throw new EngineError("not-found", `plugin "${this.name}" not found`);
  }

  async #attempt(method: string, body: string | undefined): Promise<Reply> {
    const { callTimeoutMs, maxAnswerBytes: maxBytes, signal } = this.#settings;
    const timeoutMs = this.#isSilent ? Math.min(callTimeoutMs, SILENT_TIMEOUT_MS) : callTimeoutMs;
    const address = await this.#locate();
    try {
      return await exchange(address, { method, body, timeoutMs, maxBytes, signal });
    } catch (cause) {
      if (!(cause instanceof NotConnected)) throw cause;
      const where = `cannot connect to ${formatPluginAddress(address)}`;
      throw new NotConnected(`${where}: ${cause.message}`, { cause });
    }
  }

  async #locate(): Promise<PluginAddress> {
    const address = await findPlugin(this.name, this.#settings.directories).catch((cause: unknown) => {
      throw new NotThere(this.name, cause);
    });
    if (address === undefined) throw new NotThere(this.name, undefined);
    return address;
  }

  #failed(method: string, cause: unknown, code: "unavailable" | "internal"): EngineError {
    return new EngineError(code, this.#failure(method, cause), { cause });
  }

  #failure(method: string, cause: unknown): string {
    return `plugin ${this.name}: ${method}: ${messageOf(cause)}`;
  }
}

/** No socket or specification of the name, or, with `why`, one that cannot be read. */
class NotThere extends Error {
  override readonly name = "NotThere";
  readonly why: unknown;

  constructor(plugin: string, why: unknown) {
    super(`Unable to locate plugin: ${plugin}`, { cause: why });
    this.why = why;
  }
}

/** dockerd's text: the method, and the `Err` of the body or all of it. */
function statusError(method: string, { status, body }: Reply): EngineError {
  const text = `${method}: ${(errorField(body) || body).slice(0, MAX_SHOWN)}`;
  return status === 404 ? new UnknownMethod("internal", text) : new EngineError("internal", text);
}

function errorField(body: string): string {
  try {
    return failureOf(WireReader.parse(body, "answer"), "Err");
  } catch {
    // Not JSON, or not of that shape: the body is the text.
    return "";
  }
}
