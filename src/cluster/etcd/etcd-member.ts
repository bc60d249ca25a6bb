/**
 * One member of an etcd cluster: a gRPC channel that connects when it is used. A member that lost its cluster says so instead of
 * answering from what it remembers (`hasleader`).
 *
 * Time limits are ours and not gRPC's, whose deadlines and pings take a member for dead when this process was too busy to read
 * what it said (`patience.ts`).
 */
import {
  Client,
  connectivityState,
  credentials,
  Metadata,
  type ClientDuplexStream,
  type ClientUnaryCall,
  type MethodDefinition,
} from "@grpc/grpc-js";
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { afterPatience } from "../../base/patience.ts";
import { MAX_VALUE_BYTES } from "../transaction-limits.ts";
import { describeFailure } from "./etcd-errors.ts";
import { etcd } from "./etcd-protocol.ts";
import { formatStoreHost, type StoreHost, type StoreTls } from "../store-address.ts";

export const OUT_OF_TIME = "no connection in time";
/** Records asked for at once. */
export const PAGE = 500;
/** For a request that is no work at all. */
const PROBE_TIMEOUT_MS = 3_000;
/** Answered by the member itself, from what it has. */
const PROBE = { key: Buffer.from("causeway"), limit: 1, serializable: true };
/** A page of the longest records. */
const MAX_ANSWER_BYTES = PAGE * (MAX_VALUE_BYTES + 1024);

const OPTIONS = {
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  "grpc.max_receive_message_length": MAX_ANSWER_BYTES,
  // A channel that is given up takes its connection with it.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
} as const;

export type MemberStream<Request, Response> = ClientDuplexStream<Request, Response>;

/** Asks over the connection that a stream has, whichever the member has by now, whether it is alive; throws when not. */
export type Probe = () => Promise<void>;

export class EtcdMember implements Disposable {
  readonly name: string;
  readonly #host: StoreHost;
  readonly #tls: StoreTls | undefined;
  readonly #calls = new Set<ClientUnaryCall>();
  #client: Client | undefined;

  constructor(host: StoreHost, tls: StoreTls | undefined) {
    this.name = formatStoreHost(host);
    this.#host = host;
    this.#tls = tls;
  }

  /** Undefined once there is a connection; why not, as soon as that failed or `withinMs` have passed. */
  async connect(withinMs: number): Promise<string | undefined> {
    const channel = this.#open().getChannel();
    const { promise: late, resolve: expire } = Promise.withResolvers<"late">();
    const callOff = afterPatience(withinMs, () => expire("late"));
    try {
      for (;;) {
        const state = channel.getConnectivityState(true);
        if (state === connectivityState.READY) return undefined;
        if (state === connectivityState.SHUTDOWN) return `${this.name}: closed`;
        if (state === connectivityState.TRANSIENT_FAILURE) return await this.#failureToConnect();
        const { promise: changed, resolve } = Promise.withResolvers<void>();
        // Told at the latest when the channel is given up, as one that was late is.
        channel.watchConnectivityState(state, Infinity, () => resolve());
        if ((await Promise.race([changed, late])) === "late") return `${this.name}: ${OUT_OF_TIME}`;
      }
    } finally {
      callOff();
    }
  }

  async call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    withinMs: number,
  ): Promise<Response> {
    return this.#callOver(this.#open(), method, request, withinMs);
  }

  /** The caller listens to `error`, and cancels. */
  stream<Request, Response>(
    method: MethodDefinition<Request, Response>,
  ): { readonly stream: MemberStream<Request, Response>; readonly probe: Probe } {
    const client = this.#open();
    const stream = client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      withLeader(),
      {},
    );
    const probe = async (): Promise<void> => {
      if (this.#client !== client) throw new Error("its connection was given up");
      await this.#callOver(client, etcd.range, PROBE, PROBE_TIMEOUT_MS);
    };
    return { stream, probe };
  }

  /** The next use connects anew: waiting for the old connection, TCP might take minutes. Streams over it end by their probes. */
  giveUpConnection(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  /** Ends all calls. */
  [Symbol.dispose](): void {
    for (const call of this.#calls) call.cancel();
    this.giveUpConnection();
  }

  /** The channel tells why it has no connection only to calls, which fail at once. */
  async #failureToConnect(): Promise<string> {
    try {
      await this.call(etcd.range, PROBE, PROBE_TIMEOUT_MS);
      return `${this.name}: connected late`;
    } catch (error) {
      return `${this.name}: ${describeFailure(error).reason}`;
    }
  }

  async #callOver<Request, Response>(
    client: Client,
    method: MethodDefinition<Request, Response>,
    request: Request,
    withinMs: number,
  ): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      withLeader(),
      (error, response) => {
        if (error !== null) reject(error);
        else if (response === undefined) reject(new Error("an empty answer"));
        else resolve(response);
      },
    );
    this.#calls.add(call);
    const callOff = afterPatience(withinMs, () => {
      reject(new Error("no answer in time"));
      call.cancel();
    });
    try {
      return await promise;
    } finally {
      callOff();
      this.#calls.delete(call);
    }
  }

  #open(): Client {
    // An address is no name to ask for (RFC 6066), and Node will not send one.
    const name = isIP(this.#host.host) === 0 ? {} : { "grpc.ssl_target_name_override": "etcd" };
    return (this.#client ??= new Client(target(this.#host), this.#credentials(), { ...OPTIONS, ...name }));
  }

  #credentials(): ReturnType<typeof credentials.createInsecure> {
    if (this.#tls === undefined) return credentials.createInsecure();
    const { host } = this.#host;
    return credentials.createSsl(this.#tls.ca, this.#tls.key, this.#tls.cert, {
      checkServerIdentity: (_asked, certificate) => checkServerIdentity(host, certificate),
    });
  }
}

/** Asks the member to refuse, rather than to wait or to answer alone, while its cluster has no leader. */
function withLeader(): Metadata {
  const metadata = new Metadata();
  metadata.set("hasleader", "true");
  return metadata;
}

function target({ host, port }: StoreHost): string {
  return host.includes(":") ? `ipv6:[${host}]:${port}` : `dns:${host}:${port}`;
}
