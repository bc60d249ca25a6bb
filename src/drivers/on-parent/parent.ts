/**
 * The parent of a macvlan or ipvlan network, `-o parent=`: a link of the host, used as it is; `eth0.10`, which is VLAN 10 on eth0 and
 * made where it does not exist; or none, and a dummy link takes its place. What we made goes with the last network on it, what
 * the host had stays.
 */
import { EngineError } from "../../base/errors.ts";
import { HOST, MARK, type KernelFact } from "../../kernel/facts.ts";
import { isInterfaceName } from "../../sandbox/interface-name.ts";
import type { NetworkIntent } from "../intent.ts";

/** What the user named, or `PREFIX<12 digits>`. */
export function parentOf(network: NetworkIntent, dummyPrefix: string): string {
  return named(network) ?? `${dummyPrefix}${network.id.slice(0, 12)}`;
}

function named({ options }: NetworkIntent): string | undefined {
  return options["parent"] || undefined;
}

/**
 * Equivalent to: `ip link add PREFIX-ID type dummy` where no parent is named; of a parent such as eth0.10,
 * `ip link add link eth0 name eth0.10 type vlan id 10`; then `ip link set LINK up`. Nothing for other parents.
 */
export function parentFacts(network: NetworkIntent, dummyPrefix: string): readonly KernelFact[] {
  const name = parentOf(network, dummyPrefix);
  const made = { kind: "link", namespace: HOST, name, up: true, alias: `${MARK}${network.id}` } as const;
  if (named(network) === undefined) return [{ ...made, device: { type: "dummy" } }];
  const vlan = vlanOf(name);
  return vlan === undefined ? [] : [{ ...made, device: { type: "vlan", ...vlan }, adopt: true }];
}

/** "eth0.10": VLAN 10 on eth0. */
function vlanOf(name: string): { readonly parent: string; readonly id: number } | undefined {
  const [, parent, digits] = /^([^.]+)\.(\d{1,4})$/.exec(name) ?? [];
  const id = Number(digits);
  return parent === undefined || !isVlanId(id) ? undefined : { parent, id };
}

function isVlanId(id: number): boolean {
  return id >= 1 && id <= 4094;
}

/** Throws where the parent does not exist and cannot be made. `links` are the host's. */
export function checkParent(network: NetworkIntent, links: ReadonlySet<string>): void {
  const parent = named(network);
  if (parent === undefined || links.has(parent)) return;
  const [base = "", vlanId = "", ...rest] = parent.split(".");
  if (!parent.includes(".")) throw refused(`invalid subinterface vlan name ${parent}, example formatting is eth0.10`);
  if (rest.length > 0)
    throw refused(
      `required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received ${parent}`,
    );
  if (!/^[+-]?\d{1,9}$/.test(vlanId))
    throw refused(`unable to parse a valid vlan id from: ${vlanId} (ex. eth0.10 for vlan 10)`);
  if (!links.has(base)) throw refused(`-o parent interface was not found on the host: ${base}`);
  if (!isVlanId(Number(vlanId))) throw refused(`vlan id must be between 1-4094, received: ${Number(vlanId)}`);
  if (!isInterfaceName(parent))
    throw new EngineError("invalid-argument", `invalid parent interface name ${JSON.stringify(parent)}`);
}

/** Docker gives these no class of their own. */
function refused(message: string): EngineError {
  return new EngineError("internal", message);
}
