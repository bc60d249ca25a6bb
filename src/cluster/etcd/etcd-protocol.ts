/**
 * etcd's API as TypeScript sees it: the calls of `etcd.proto` with the types of their messages. 64-bit numbers are decimal
 * texts, and what the sender left out has its default.
 */
import type { MethodDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { join } from "node:path";
import { EngineError } from "../../base/errors.ts";

export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly modRevision: string;
}

export interface RangeRequest {
  readonly key: Buffer;
  readonly rangeEnd?: Buffer;
  readonly limit?: number;
  readonly revision?: string;
  readonly serializable?: boolean;
}

export interface RangeResponse {
  readonly header: { readonly revision: string } | null;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
}

export interface Compare {
  readonly key: Buffer;
  readonly target: "MOD";
  readonly result: "EQUAL" | "GREATER";
  readonly modRevision: string;
}

export type RequestOp =
  | { readonly requestPut: { readonly key: Buffer; readonly value: Buffer; readonly lease?: string } }
  | { readonly requestDeleteRange: { readonly key: Buffer } };

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
}

export interface WatchRequest {
  readonly createRequest: {
    readonly key: Buffer;
    readonly rangeEnd: Buffer;
    readonly startRevision: string;
    readonly progressNotify: boolean;
  };
}

export interface WatchResponse {
  readonly header: { readonly revision: string } | null;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: string;
  readonly cancelReason: string;
  readonly events: readonly { readonly type: "PUT" | "DELETE"; readonly kv: KeyValue | null }[];
}

export interface Lease {
  readonly ID: string;
  readonly TTL: string;
}

type Method<Request, Response> = MethodDefinition<Request, Response>;

interface Protocol {
  readonly range: Method<RangeRequest, RangeResponse>;
  readonly txn: Method<TxnRequest, { readonly succeeded: boolean }>;
  readonly watch: Method<WatchRequest, WatchResponse>;
  readonly leaseGrant: Method<{ readonly TTL: number }, Lease>;
  readonly leaseRevoke: Method<{ readonly ID: string }, object>;
  readonly leaseKeepAlive: Method<{ readonly ID: string }, Lease>;
}

export const etcd: Protocol = load();

function load(): Protocol {
  const options = { keepCase: false, longs: String, enums: String, defaults: true };
  const loaded = loadSync(join(import.meta.dirname, "etcd.proto"), options);
  const method = <Request, Response>(service: string, name: string): Method<Request, Response> => {
    const definition = loaded[`etcdserverpb.${service}`];
    const found = definition && !("format" in definition) ? definition[name] : undefined;
    if (found === undefined) throw new EngineError("internal", `no ${service}.${name} in etcd.proto`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types above say what etcd.proto does
    return found as unknown as Method<Request, Response>;
  };
  return {
    range: method("KV", "Range"),
    txn: method("KV", "Txn"),
    watch: method("Watch", "Watch"),
    leaseGrant: method("Lease", "LeaseGrant"),
    leaseRevoke: method("Lease", "LeaseRevoke"),
    leaseKeepAlive: method("Lease", "LeaseKeepAlive"),
  };
}
