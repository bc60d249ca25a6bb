import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import { describeReach, exposureOf, type HostSituation, type PublishedPlace } from "./exposure.ts";
import type { HostFirewall } from "./host-firewall.ts";

function place(hostAddress: string, rest: Partial<PublishedPlace> = {}): PublishedPlace {
  const ports = { first: 8080, last: 8080 };
  return {
    protocol: "tcp",
    hostAddress: parseAddress(hostAddress),
    hostPorts: ports,
    containerAddress: parseAddress("172.17.0.2"),
    containerPorts: { first: 80, last: 80 },
    ...rest,
  };
}

function host(addresses: readonly string[], rest: Partial<HostSituation> = {}): HostSituation {
  return { addresses: addresses.map(parsePrefix), firewalls: [], userRules: 0, translated: [4, 6], ...rest };
}

const lan = ["192.168.7.1/24", "fd07::1/64", "fe80::1/64"];
const server = ["203.0.113.9/24", "10.0.0.1/8", "2001:db8::9/64"];

test("who reaches a port depends on the address it is published at and on the host's own", () => {
  const cases = [
    { at: "127.0.0.1", on: server, reach: "this host alone" },
    { at: "::1", on: server, reach: "this host alone" },
    { at: "0.0.0.0", on: lan, reach: "192.168.7.0/24" },
    { at: "::", on: lan, reach: "fd07::/64, fe80::/64" },
    { at: "0.0.0.0", on: server, reach: "anyone" },
    { at: "::", on: server, reach: "anyone" },
    { at: "10.0.0.1", on: server, reach: "10.0.0.0/8" },
    { at: "203.0.113.9", on: server, reach: "anyone" },
    { at: "0.0.0.0", on: [], reach: "this host alone" },
  ];
  for (const { at, on, reach } of cases) {
    assert.equal(describeReach(exposureOf(place(at), host(on)).reach), reach, `${at} on ${on.join()}`);
  }
});

test("a port of the container's own address is reached by whoever has a route", () => {
  const { containerPorts, containerAddress, protocol, hostAddress } = place("0.0.0.0");
  const exposure = exposureOf({ containerPorts, containerAddress, protocol, hostAddress }, host(lan));
  assert.equal(exposure.by, "routing");
  assert.equal(describeReach(exposure.reach), "whoever has a route");
});

const closed: HostFirewall = { name: "ufw", verdict: ({ port }) => (port === 8080 ? "deny" : "allow") };

test("a firewall that denies a port which is translated past it is worth a warning", () => {
  const firewalls = [closed];
  const [warning] = exposureOf(place("0.0.0.0"), host(lan, { firewalls })).warnings;
  assert.match(warning ?? "", /^ufw denies 8080\/tcp and is not asked/);
  const range = exposureOf(place("0.0.0.0", { hostPorts: { first: 8070, last: 8090 } }), host(lan, { firewalls }));
  assert.match(range.warnings[0] ?? "", /^ufw denies 8070-8090\/tcp/);
  const allowed = place("0.0.0.0", { hostPorts: { first: 9000, last: 9000 } });
  assert.deepEqual(exposureOf(allowed, host(lan, { firewalls })).warnings, []);
});

test("on the loopback nobody needs a warning, and the proxy's sockets are the firewall's to guard", () => {
  const situation = host(lan, { firewalls: [closed], userRules: 2 });
  assert.deepEqual(exposureOf(place("127.0.0.1"), situation).warnings, []);
  const proxied = exposureOf(place("::"), situation);
  assert.deepEqual([proxied.by, proxied.warnings], ["proxy", []]);
  const unfiltered = exposureOf(place("0.0.0.0"), host(lan, { firewalls: [closed], translated: [] }));
  assert.deepEqual([unfiltered.by, unfiltered.warnings], ["proxy", []]);
});

test("rules of the user's own are mentioned", () => {
  const { warnings } = exposureOf(place("0.0.0.0"), host(lan, { userRules: 2 }));
  assert.deepEqual(warnings, ["2 rules in DOCKER-USER are asked first and may narrow this"]);
});
