/**
 * Drivers that are other programs, as the controller sees them: looked for when a network is made with one, known without
 * asking where a network has one already.
 */
import type { IpamDriver } from "../ipam/ipam.ts";
import type { Driver } from "./driver.ts";

export interface DriverPlugins {
  /**
   * Looks for the network driver and asks it what it is; then `driver` gives it. Waits a little for one that is starting.
   * Throws `not-found` 'plugin "NAME" not found', and what the program says or fails to say.
   */
  findDriver(name: string): Promise<void>;
  findIpamDriver(name: string): Promise<void>;

  /** Undefined until it was found or is expected. Nothing is asked. */
  driver(name: string): PluginDriver | undefined;
  ipamDriver(name: string): IpamDriver | undefined;

  /** A network that exists has it: it is given from now on, and contacted when it is first needed. */
  expectDriver(name: string): void;
  expectIpamDriver(name: string): void;
}

export interface PluginDriver extends Driver {
  /** Whether it is told which hosts there are. */
  readonly discoversHosts: boolean;
}
