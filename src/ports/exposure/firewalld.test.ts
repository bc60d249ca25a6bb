import assert from "node:assert/strict";
import { test } from "node:test";
import { parseZones, readFirewalld } from "./firewalld.ts";

const ZONES = `docker (active)
  target: ACCEPT
  icmp-block-inversion: no
  interfaces: docker0
  sources: 
  services: 
  ports: 

internal
  target: default
  interfaces: 
  services: ssh
  ports: 

public (active)
  target: default
  icmp-block-inversion: no
  interfaces: eth0 eth1
  sources: 
  services: dhcpv6-client ssh
  ports: 8080/tcp 9000-9010/udp
  protocols: 
  forward: yes
  masquerade: no
`;

test("zones are read by paragraph", () => {
  const zones = parseZones(ZONES);
  assert.deepEqual(
    zones.map(({ name }) => name),
    ["docker", "internal", "public"],
  );
  assert.deepEqual(zones[2], {
    name: "public",
    target: "default",
    interfaces: ["eth0", "eth1"],
    ports: ["8080/tcp", "9000-9010/udp"],
    services: ["dhcpv6-client", "ssh"],
  });
});

test("what no port and no service of a zone with links names is denied", () => {
  const services = new Map([
    ["ssh", ["22/tcp"]],
    ["dhcpv6-client", ["546/udp"]],
  ]);
  const firewall = readFirewalld(parseZones(ZONES), services);
  const verdict = (protocol: "tcp" | "udp", port: number) => firewall?.verdict({ family: 4, protocol, port });
  assert.deepEqual(
    [verdict("tcp", 8080), verdict("udp", 9005), verdict("tcp", 22), verdict("udp", 8080), verdict("tcp", 80)],
    ["allow", "allow", "allow", "deny", "deny"],
  );
});

test("without a zone in force there is no firewall", () => {
  const idle = parseZones(ZONES).filter(({ name }) => name !== "public");
  assert.equal(readFirewalld(idle, new Map()), undefined);
  assert.deepEqual(parseZones(""), []);
});
