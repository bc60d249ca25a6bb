/** What somebody asked for when creating a container. Everything is optional but the image; defaults come from the image. */
import type { IpAddress } from "../addr/ip-address.ts";
import type { MacAddress } from "../addr/mac-address.ts";
import type { PortRequest } from "../controller/cnm.ts";
import type { Json } from "../store/store.ts";

export interface ContainerSpec {
  /** Without the leading slash; a random adjective_surname when absent. */
  readonly name?: string;
  /** Image reference or id. */
  readonly image: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment: readonly string[];
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly tty: boolean;
  readonly openStdin: boolean;
  /** Stdin closes after the first attached client leaves. */
  readonly stdinOnce: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Default: the short id; in host mode the host's. */
  readonly hostname?: string;
  readonly domainname?: string;
  readonly stopSignal?: string;
  readonly stopTimeoutSeconds?: number;
  readonly autoRemove: boolean;
  readonly restartPolicy: {
    readonly name: "no" | "always" | "unless-stopped" | "on-failure";
    readonly maximumRetries: number;
  };
  readonly network: NetworkMode;
  /** Networks to join at start, first the one of the network mode; keys are as the user typed them. */
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  readonly dns: {
    readonly servers: readonly IpAddress[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
  readonly extraHosts: readonly { readonly name: string; readonly address: IpAddress | "host-gateway" }[];
  readonly sysctls: Readonly<Record<string, string>>;
  /** Links on the default bridge; those on other networks are in the endpoints. */
  readonly links?: readonly ContainerLink[];
  /** `80/tcp` */
  readonly exposedPorts: readonly string[];
  readonly publish: {
    readonly ports: readonly PortRequest[];
    /** Every exposed port that is not among them gets an ephemeral port of the host. */
    readonly allExposed: boolean;
  };
  readonly mounts: readonly MountSpec[];
  /** Path in the container to mount options. */
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly readonlyRootfs: boolean;
  readonly privileged: boolean;
  readonly capabilities: { readonly add: readonly string[]; readonly drop: readonly string[] };
  readonly resources: Resources;
  readonly pidMode: "private" | "host";
  readonly ipcMode: "private" | "host";
  readonly utsMode: "private" | "host";
  /** Bytes of /dev/shm; 64 MiB by default. */
  readonly shmSize?: number;
  /** The client's own document, opaque here, given back unchanged by whoever put it. */
  readonly document: Json;
}

export type NetworkMode =
  | { readonly kind: "network"; readonly name: string }
  | { readonly kind: "host" }
  | { readonly kind: "none" }
  /** Shares another container's sandbox. */
  | { readonly kind: "container"; readonly reference: string };

/** `--link`: another container on the default bridge, by the name that it had when this one was created. */
export interface ContainerLink {
  readonly name: string;
  readonly alias: string;
  /** Which container that is; known from creation on. */
  readonly id?: string;
}

/** How a container wants to be on one network. */
export interface EndpointSettings {
  readonly ipv4Address?: IpAddress;
  readonly ipv6Address?: IpAddress;
  readonly linkLocal?: readonly IpAddress[];
  readonly mac?: MacAddress;
  readonly aliases?: readonly string[];
  /** `name:alias` or `name`. */
  readonly links?: readonly string[];
  readonly options?: Readonly<Record<string, string>>;
  readonly gatewayPriority?: number;
}

export interface MountSpec {
  readonly type: "bind" | "tmpfs" | "volume";
  /** Host path, or volume name. */
  readonly source: string;
  /** Path in the container. */
  readonly target: string;
  readonly readOnly: boolean;
  /** `rprivate`, `rshared`, ... */
  readonly propagation?: string;
}

/** Zero or absent means: no limit. */
export interface Resources {
  /** Bytes. */
  readonly memory?: number;
  /** Billionths of a CPU. */
  readonly nanoCpus?: number;
  readonly cpuShares?: number;
  readonly cpusetCpus?: string;
  readonly pidsLimit?: number;
  readonly ulimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
}
