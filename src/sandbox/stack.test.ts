/** A sandbox's facts: what connecting and disconnecting changes in them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../addr/ip-address.ts";
import { formatPrefix, parsePrefix } from "../addr/prefix.ts";
import type { KernelFact } from "../kernel/facts.ts";
import { sandboxFacts, type SandboxEndpoint, type SandboxStack } from "./stack.ts";

const NAMESPACE = "/run/netns/c1";

function endpoint(networkName: string, interfaceName: string, address: string, gateway: string): SandboxEndpoint {
  return {
    networkName,
    interfaceName,
    internal: gateway === "",
    gatewayPriority: 0,
    addresses: [parsePrefix(address)],
    gateways: gateway === "" ? [] : [parseAddress(gateway)],
    routes: [],
    options: {},
  };
}

function facts(endpoints: readonly SandboxEndpoint[], rest: Partial<SandboxStack> = {}): readonly KernelFact[] {
  return sandboxFacts({ namespace: NAMESPACE, endpoints, sysctls: {}, ...rest });
}

function defaultRoutes(all: readonly KernelFact[]): string[] {
  return all.flatMap((fact) =>
    fact.kind === "route" && fact.destination.length === 0 ? [`${formatPrefix(fact.destination)} ${fact.link}`] : [],
  );
}

const BACKEND = endpoint("backend", "eth0", "10.1.0.2/24", "10.1.0.1");

test("a sandbox on no network is a namespace with lo up", () => {
  assert.deepEqual(facts([]), [
    { kind: "namespace", path: NAMESPACE },
    { kind: "link", namespace: NAMESPACE, name: "lo", device: { type: "loopback" }, up: true },
  ]);
});

test("IPv6 is off on an interface without an IPv6 address and on on one with", () => {
  const six = endpoint("six", "eth1", "fd00::2/64", "fd00::1");
  const values = facts([BACKEND, six]).flatMap((fact) => (fact.kind === "sysctl" ? [`${fact.key}=${fact.value}`] : []));
  assert.deepEqual(values, ["net/ipv6/conf/eth0/disable_ipv6=1", "net/ipv6/conf/eth1/disable_ipv6=0"]);
});

test("joining a network that sorts first moves the default route, leaving moves it back", () => {
  const alpha = endpoint("alpha", "eth1", "10.2.0.2/24", "10.2.0.1");
  assert.deepEqual(defaultRoutes(facts([BACKEND])), ["0.0.0.0/0 eth0"]);
  assert.deepEqual(defaultRoutes(facts([BACKEND, alpha])), ["0.0.0.0/0 eth1"]);
  assert.deepEqual(defaultRoutes(facts([BACKEND])), ["0.0.0.0/0 eth0"]);
});

test("an internal network gives no default route", () => {
  assert.deepEqual(defaultRoutes(facts([endpoint("in", "eth0", "10.3.0.2/24", "")])), []);
});

test("IPv4 and IPv6 default routes may lead through different networks", () => {
  const six = endpoint("six", "eth1", "fd00::2/64", "fd00::1");
  assert.deepEqual(defaultRoutes(facts([six, BACKEND])), ["0.0.0.0/0 eth0", "::/0 eth1"]);
});

test("a network's own routes and an endpoint's sysctls lead through its interface", () => {
  const routed: SandboxEndpoint = {
    ...BACKEND,
    routes: [
      { destination: parsePrefix("10.9.0.0/16"), gateway: parseAddress("10.1.0.7") },
      { destination: parsePrefix("10.8.0.0/16") },
    ],
    options: { "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.rp_filter=2" },
  };
  const all = facts([routed], { sysctls: { "net.core.somaxconn": "1024" } });
  const routes = all.filter((fact) => fact.kind === "route" && fact.destination.length > 0);
  assert.deepEqual(routes, [
    {
      kind: "route",
      namespace: NAMESPACE,
      destination: parsePrefix("10.9.0.0/16"),
      link: "eth0",
      gateway: parseAddress("10.1.0.7"),
    },
    { kind: "route", namespace: NAMESPACE, destination: parsePrefix("10.8.0.0/16"), link: "eth0" },
  ]);
  const keys = all.flatMap((fact) => (fact.kind === "sysctl" ? [fact.key] : []));
  assert.deepEqual(keys, ["net/core/somaxconn", "net/ipv6/conf/eth0/disable_ipv6", "net/ipv4/conf/eth0/rp_filter"]);
});

test("a static route through a gateway of the other family is refused", () => {
  const routes = [{ destination: parsePrefix("10.9.0.0/16"), gateway: parseAddress("fd00::1") }];
  assert.throws(() => facts([{ ...BACKEND, routes }]), /gateway of another address family/);
});
