/** Why the kernel refused to make a link, where its errno alone would leave the reader guessing. */
import { constants } from "node:os";
import type { Device, LinkFact } from "../facts.ts";
import { KernelError } from "../kernel-error.ts";
import { ERRNO } from "../uapi/errno.ts";

const { EADDRINUSE, EBUSY, EEXIST, EINVAL, ENETDOWN, EOPNOTSUPP } = constants.errno;

/** Modules that are not called like the kind of link they make. */
const MODULES: Readonly<Record<string, string>> = { vlan: "8021q" };

/** Undefined where the errno says all. */
export function refusedLink(fact: LinkFact, errno: number): KernelError | undefined {
  const detail = reason(fact, errno);
  return detail === undefined ? undefined : new KernelError({ operation: `create link ${fact.name}`, errno, detail });
}

function reason({ device, master }: LinkFact, errno: number): string | undefined {
  if (errno === ERRNO.EXFULL) return `bridge ${master ?? ""} has 1023 ports, the most that the kernel gives a bridge`;
  if (errno === EOPNOTSUPP)
    return `this kernel has no ${device.type} links (module ${MODULES[device.type] ?? device.type})`;
  if (device.type === "vxlan") return tunnelReason(device, errno);
  if (errno === ENETDOWN && "parent" in device) return `network is down: ${device.parent} is not up`;
  return device.type === "macvlan" || device.type === "ipvlan" ? portReason(device, errno) : undefined;
}

function tunnelReason({ vni, port }: Extract<Device, { type: "vxlan" }>, errno: number): string | undefined {
  switch (errno) {
    case EEXIST:
      return `another VXLAN of this host has id ${vni} on UDP port ${port}: "ip -d link show type vxlan" names it, here or in another namespace`;
    case EADDRINUSE:
      return `another program of this host has UDP port ${port}: "ss -lunp sport = :${port}" names it`;
    default:
      return undefined;
  }
}

/** The beginning of each sentence is Docker's. */
function portReason({ type, parent }: Extract<Device, { parentNamespace: string }>, errno: number): string | undefined {
  const failed = `failed to create the ${type} port`;
  switch (errno) {
    case EBUSY:
      return `${failed}: device or resource busy: ${parent} is a bridge's port or carries links of another kind`;
    case EINVAL:
      return `${failed}: invalid argument: ${parent} is given to one container by mode passthru, or takes no such links`;
    default:
      return undefined;
  }
}
