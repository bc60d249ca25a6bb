/**
 * Kernel facts: the vocabulary of desired state. A driver says which facts should hold; `plan.ts` compares two sets and
 * makes steps; the kernel thread carries the steps out. Facts are plain data, printable and fit for `postMessage`.
 *
 * A fact's key (`factKey`) names the place it occupies; two facts with one key are two opinions of one thing.
 */
import type { IpAddress } from "../addr/ip-address.ts";
import type { MacAddress } from "../addr/mac-address.ts";
import type { Prefix } from "../addr/prefix.ts";

/** A network namespace: `HOST` is the one that the daemon runs in, all others are paths of bind-mounted namespace files. */
export type NamespaceRef = string;

export const HOST: NamespaceRef = "host";

export type KernelFact =
  NamespaceFact | LinkFact | AddressFact | RouteFact | NeighbourFact | ForwardingFact | SysctlFact;

/** A network namespace kept alive by a bind mount. Equivalent to: `ip netns add` with a path of ours. */
export interface NamespaceFact {
  readonly kind: "namespace";
  readonly path: NamespaceRef;
}

/** A network interface and its attributes; attributes left out are the kernel's choice and are not compared. */
export interface LinkFact {
  readonly kind: "link";
  readonly namespace: NamespaceRef;
  /** At most 15 bytes. */
  readonly name: string;
  readonly device: Device;
  readonly mac?: MacAddress;
  /** Bytes. */
  readonly mtu?: number;
  /** Name of the bridge that it is a port of, in the same namespace. */
  readonly master?: string;
  /** As a port of its master: whether frames may leave by the port that they came in by (IFLA_BRPORT_MODE). */
  readonly hairpin?: boolean;
  readonly up: boolean;
  /** Our mark (IFLA_IFALIAS), see `MARK`. Absent only on links that we configure but never create or remove. */
  readonly alias?: string;
  /**
   * Whether a link of that name that is not ours may be used as it is; it then keeps its MAC, is otherwise configured, and is
   * never removed. Made by us, it is ours like any other.
   */
  readonly adopt?: boolean;
}

export type Device =
  /** Exists in every namespace; only its state is ours. */
  | { readonly type: "loopback" }
  | { readonly type: "bridge" }
  /** Both ends are made in one message; the peer is created inside its namespace under its final name. */
  | {
      readonly type: "veth";
      readonly peer: {
        readonly namespace: NamespaceRef;
        readonly name: string;
        readonly mac?: MacAddress;
        readonly mtu?: number;
        readonly up: boolean;
        /**
         * It was given to somebody who has moved and named it since, into the namespace as far as that is known. It is not looked
         * at; a pair that is gone is gone, for nobody could put it back into its place.
         */
        readonly givenAway?: boolean;
      };
    }
  | {
      readonly type: "vxlan";
      /** VXLAN network identifier, 24 bits. */
      readonly vni: number;
      /** UDP port, RFC 7348 says 4789. */
      readonly port: number;
      readonly local?: IpAddress;
      readonly learning: boolean;
      readonly proxy?: boolean;
      /** Where its UDP socket lives, when the link itself is in another namespace. */
      readonly underlay?: NamespaceRef;
    }
  | {
      readonly type: "macvlan";
      readonly parent: string;
      /** The parent's namespace. */
      readonly parentNamespace: NamespaceRef;
      readonly mode: "bridge" | "private" | "vepa" | "passthru";
    }
  | {
      readonly type: "ipvlan";
      readonly parent: string;
      /** The parent's namespace. */
      readonly parentNamespace: NamespaceRef;
      readonly mode: "l2" | "l3" | "l3s";
      readonly flag: "bridge" | "private" | "vepa";
    }
  /** 802.1Q, in its parent's namespace. Adopted, any link of the name will do, and nothing of it is changed. */
  | {
      readonly type: "vlan";
      readonly parent: string;
      /** 1 to 4094. */
      readonly id: number;
    }
  /** Leads nowhere; others stand on it. */
  | { readonly type: "dummy" }
  /**
   * Made by somebody else in the daemon's namespace under the name `from`, and moved into the fact's own for as long as the fact
   * holds; removed, it is moved back under that name. Loopback and links that carry our mark are refused.
   */
  | {
      readonly type: "moved";
      readonly from: string;
      /** Who says that it is there; for the error when it is not. */
      readonly maker: string;
    }
  /** Found and not described: a plan's word for a link that is to be removed. It cannot be ensured. */
  | { readonly type: "unknown"; readonly kind: string };

export interface AddressFact {
  readonly kind: "address";
  readonly namespace: NamespaceRef;
  readonly link: string;
  /** With host bits: `172.18.0.2/16`. */
  readonly address: Prefix;
  /** Not taken away when nobody wants it any more: on an adopted link it may have been there before. */
  readonly stays?: boolean;
}

export interface RouteFact {
  readonly kind: "route";
  readonly namespace: NamespaceRef;
  /** `0.0.0.0/0` or `::/0` is the default route. */
  readonly destination: Prefix;
  readonly gateway?: IpAddress;
  readonly link: string;
}

/** Whether a link that is there is somebody else's and used as it is, whatever it is. */
export function isLeftAlone({ device, adopt }: LinkFact, alias: string | undefined): boolean {
  return device.type === "vlan" && adopt === true && alias?.startsWith(MARK) !== true;
}

/** Whether the link's other end is in somebody else's hands. */
export function isGivenAway({ device }: LinkFact): boolean {
  return device.type === "veth" && device.peer.givenAway === true;
}

/** A permanent ARP or ND entry. Equivalent to: `ip neigh replace ADDR lladdr MAC dev LINK nud permanent`. */
export interface NeighbourFact {
  readonly kind: "neighbour";
  readonly namespace: NamespaceRef;
  readonly link: string;
  readonly address: IpAddress;
  readonly mac: MacAddress;
}

/** A VXLAN forwarding entry. Equivalent to: `bridge fdb replace MAC dev LINK dst ADDR self permanent`. */
export interface ForwardingFact {
  readonly kind: "forwarding";
  readonly namespace: NamespaceRef;
  readonly link: string;
  readonly mac: MacAddress;
  readonly destination: IpAddress;
}

/** A file under /proc/sys. Not undone unless it says how: Docker leaves `ip_forward` on as well. */
export interface SysctlFact {
  readonly kind: "sysctl";
  readonly namespace: NamespaceRef;
  /** With slashes, as under /proc/sys: `net/ipv4/ip_forward`. */
  readonly key: string;
  readonly value: string;
  /** The value that it gets when nobody wants it any more, where what it is of stays (an adopted link). */
  readonly undo?: string;
}

/** Every link that we make carries an alias that starts with this; what does not carry it is never removed by us. */
export const MARK = "causeway:";
