/** What an automatic choice must avoid, from routes and nameservers. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { parseAddress } from "../addr/ip-address.ts";
import { formatPrefix, parsePrefix } from "../addr/prefix.ts";
import type { ObservedRoute } from "../kernel/observation.ts";
import { reservedPrefixes } from "./reserved.ts";

function route(destination: string, onLink: boolean): ObservedRoute {
  return { link: "eth0", destination: parsePrefix(destination), onLink };
}

it("on-link IPv4 routes and nameservers are reserved, in order", () => {
  const routes = [route("192.168.1.0/24", true), route("172.17.0.0/16", true)];
  const nameservers = [parseAddress("2001:db8::53"), parseAddress("10.0.0.53")];
  assert.deepEqual(reservedPrefixes({ routes }, nameservers).map(formatPrefix), [
    "10.0.0.53/32",
    "172.17.0.0/16",
    "192.168.1.0/24",
    "2001:db8::53/128",
  ]);
});

it("routes through a gateway, default routes and IPv6 routes reserve nothing", () => {
  const routes = [route("10.0.0.0/8", false), route("0.0.0.0/0", true), route("fd00::/64", true)];
  assert.deepEqual(reservedPrefixes({ routes }, []), []);
});
