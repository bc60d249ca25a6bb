/**
 * What a firewall of the host says about ports of the host itself. Only what holds for everybody counts: a rule for certain
 * sources leaves the others to the rules after it.
 */
import type { Family } from "../../addr/ip-address.ts";
import type { PortProtocol } from "../ports.ts";

export interface HostFirewall {
  /** "ufw", "firewalld" */
  readonly name: string;
  /** What it does with packets from anywhere to a port of the host. */
  verdict(to: PortQuestion): "allow" | "deny";
}

export interface PortQuestion {
  readonly family: Family;
  readonly protocol: PortProtocol;
  readonly port: number;
}
