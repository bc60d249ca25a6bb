/**
 * One member of an etcd cluster: a gRPC channel that connects when it is used. A cable that was pulled is noticed by HTTP/2
 * pings within `PING_MS + PING_TIMEOUT_MS`, and a member that lost its cluster says so instead of answering from what it
 * remembers (`hasleader`).
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
import { MAX_VALUE_BYTES } from "../transaction-limits.ts";
import { describeFailure } from "./etcd-errors.ts";
import { etcd } from "./etcd-protocol.ts";
import { formatStoreHost, type StoreHost, type StoreTls } from "../store-address.ts";

export const OUT_OF_TIME = "no connection in time";
/** Records asked for at once. */
export const PAGE = 500;
/** etcd's servers hang up on clients that ping more often than every 5 s. */
const PING_MS = 6_000;
const PING_TIMEOUT_MS = 3_000;
/** A page of the longest records. */
const MAX_ANSWER_BYTES = PAGE * (MAX_VALUE_BYTES + 1024);

const OPTIONS = {
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  "grpc.keepalive_time_ms": PING_MS,
  "grpc.keepalive_timeout_ms": PING_TIMEOUT_MS,
  "grpc.max_receive_message_length": MAX_ANSWER_BYTES,
  // A channel that is given up takes its connection with it.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
} as const;

export type MemberStream<Request, Response> = ClientDuplexStream<Request, Response>;

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
    const deadline = Date.now() + withinMs;
    const channel = this.#open().getChannel();
    for (;;) {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) return undefined;
      if (state === connectivityState.SHUTDOWN) return `${this.name}: closed`;
      if (state === connectivityState.TRANSIENT_FAILURE) return this.#failureToConnect();
      const { promise, resolve } = Promise.withResolvers<boolean>();
      channel.watchConnectivityState(state, deadline, (error) => resolve(error === undefined));
      if (!(await promise)) return `${this.name}: ${OUT_OF_TIME}`;
    }
  }

  async call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    withinMs: number,
  ): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const call = this.#open().makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      withLeader(),
      { deadline: Date.now() + withinMs },
      (error, response) => {
        this.#calls.delete(call);
        if (error !== null) reject(error);
        else if (response === undefined) reject(new Error("an empty answer"));
        else resolve(response);
      },
    );
    this.#calls.add(call);
    return promise;
  }

  /** The caller listens to `error`, and cancels. */
  stream<Request, Response>(
    method: MethodDefinition<Request, Response>,
    withinMs?: number,
  ): MemberStream<Request, Response> {
    return this.#open().makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      withLeader(),
      withinMs === undefined ? {} : { deadline: Date.now() + withinMs },
    );
  }

  /** The next use connects anew: waiting for the old connection, TCP might take minutes. Streams over it end by its pings. */
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
      await this.call(etcd.range, { key: Buffer.from("causeway"), limit: 1 }, PING_TIMEOUT_MS);
      return `${this.name}: connected late`;
    } catch (error) {
      return `${this.name}: ${describeFailure(error).reason}`;
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
