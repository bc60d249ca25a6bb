/** Keys, ranges and records between our form and etcd's, which is bytes below the prefix that the operator named. */
import type { ClusterRecord } from "../cluster-store.ts";
import type { KeyValue } from "./etcd-protocol.ts";

export class EtcdKeys {
  readonly #before: string;

  constructor(prefix: string) {
    this.#before = prefix === "" ? "" : `${prefix}/`;
  }

  encode(key: string): Buffer {
    return Buffer.from(this.#before + key);
  }

  /** All keys that start with `prefix` + "/": "0" is the character after "/". */
  rangeBelow(prefix: string): { readonly key: Buffer; readonly rangeEnd: Buffer } {
    return { key: this.encode(`${prefix}/`), rangeEnd: this.encode(`${prefix}0`) };
  }

  /** Of a key that was asked for, so it has the prefix. */
  decode(key: Buffer): string {
    return key.toString().slice(this.#before.length);
  }

  decodeRecord({ key, value, modRevision }: KeyValue): ClusterRecord {
    return { key: this.decode(key), value: value.toString(), version: modRevision };
  }
}
