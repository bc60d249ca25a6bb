/**
 * A network driver of one's own in a page: each container gets a veth pair to the host and nothing else. The host has the
 * gateway's address on every pair and a route to each container, and answers ARP for the others (proxy ARP), so that containers
 * reach the host and each other routed, never bridged. IPv4 only. How to run it is in the README beside.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { formatAddress, formatMac, servePlugin, type Prefix } from "causeway/plugin";

const name = process.env["PTP_NAME"] ?? "ptp";
const socketPath = process.env["PTP_SOCKET"] ?? `/run/docker/plugins/${name}.sock`;
/** By network: the gateway that its containers use. What the plugin forgets at its end, it is never told again. */
const gateways = new Map<string, Prefix>();

const run = (command: string): string => {
  const [program = "", ...args] = command.split(" ");
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
};
const succeeds = (command: string): boolean => {
  try {
    run(command);
    return true;
  } catch {
    return false;
  }
};
/** The host's end of an endpoint's pair, and the end that the daemon moves. */
const ends = (endpointId: string): readonly [string, string] => [
  `ptp-${endpointId.slice(0, 8)}`,
  `ptpc-${endpointId.slice(0, 8)}`,
];
const sysctl = (key: string, value: string): void => writeFileSync(`/proc/sys/net/ipv4/${key}`, value);
/** Docker closes the FORWARD chain; what goes from pair to pair shall pass. */
const FORWARD = "FORWARD -i ptp-+ -o ptp-+ -j ACCEPT";

await using plugin = await servePlugin({
  name,
  listen: { socketPath },
  networkDriver: {
    createNetwork({ networkId, ipv4: [pool] }) {
      if (pool?.gateway === undefined) throw new Error("ptp needs an IPv4 subnet with a gateway");
      gateways.set(networkId, pool.gateway);
      sysctl("ip_forward", "1");
      if (!succeeds(`iptables -w -C ${FORWARD}`)) run(`iptables -w -I ${FORWARD}`);
    },

    deleteNetwork({ networkId }) {
      gateways.delete(networkId);
      if (gateways.size === 0 && succeeds(`iptables -w -C ${FORWARD}`)) run(`iptables -w -D ${FORWARD}`);
    },

    createEndpoint({ networkId, endpointId, interface: { address, mac } }) {
      const gateway = gateways.get(networkId);
      if (address === undefined || gateway === undefined) throw new Error("ptp has no such network, or no address");
      const [host, container] = ends(endpointId);
      run(`ip link add ${host} type veth peer name ${container}`);
      if (mac !== undefined) run(`ip link set ${container} address ${formatMac(mac)}`);
      sysctl(`conf/${host}/proxy_arp`, "1");
      sysctl(`neigh/${host}/proxy_delay`, "0");
      run(`ip address add ${formatAddress(gateway.address)}/32 dev ${host}`);
      run(`ip link set ${host} up`);
      run(`ip route replace ${formatAddress(address.address)}/32 dev ${host} src ${formatAddress(gateway.address)}`);
    },

    deleteEndpoint({ endpointId }) {
      const [host] = ends(endpointId);
      if (succeeds(`ip link show ${host}`)) run(`ip link delete ${host}`);
    },

    join({ networkId, endpointId }) {
      const gateway = gateways.get(networkId);
      if (gateway === undefined) throw new Error("ptp has no such network");
      return { interface: { sourceName: ends(endpointId)[1], prefix: "eth" }, gateway: gateway.address };
    },

    leave() {},
  },
});
console.log(`${name} listens on ${plugin.address}`);
const { promise: asked, resolve } = Promise.withResolvers<void>();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
await asked;
