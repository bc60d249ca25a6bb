/**
 * The ready-made assembly: a controller with the real kernel thread, SQLite store, firewall, DNS worker, address management
 * and built-in drivers. The daemon and programs that use the library open this; whoever needs other parts calls
 * `Controller.open` with them.
 */
import type { Prefix } from "../addr/prefix.ts";
import type { Clock } from "../base/clock.ts";
import type { EventBus } from "../base/event-bus.ts";
import type { Log } from "../base/log.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Store } from "../store/store.ts";
import type { Controller } from "./controller.ts";
import type { NetworkSettings } from "./options.ts";

export interface OpenOptions {
  /** Where the store's file lives; made if missing. Not needed when a store is handed in. */
  readonly dataRoot: string;
  /** Where namespace files live; made if missing. Best on a tmpfs. */
  readonly runDirectory: string;
  /** Missing settings are dockerd's defaults. */
  readonly settings?: Partial<NetworkSettings>;
  /** `--default-address-pool`; size is a prefix length. */
  readonly defaultAddressPools?: readonly { readonly base: Prefix; readonly size: number }[];
  /** `--iptables=false`: no rules at all. */
  readonly iptables?: boolean;
  readonly ip6tables?: boolean;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly events?: EventBus;
  /** Handed in: stays the caller's. Otherwise opened here and closed with the controller. */
  readonly store?: Store;
  readonly kernel?: Kernel;
}

/** The controller and the parts that others share with it; disposing closes all that was opened here, newest first. */
export interface OpenedController extends AsyncDisposable {
  readonly controller: Controller;
  readonly store: Store;
  readonly kernel: Kernel;
  readonly events: EventBus;
  readonly firewallBackend: string;
}
