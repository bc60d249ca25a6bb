/** The variables are those that dockerd 20.10 sets for the same containers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { PLAIN_RECORD } from "./container-record.fixture.ts";
import { linkEnvironment, parseLink, sandboxLink, type LinkedChild } from "./links.ts";

const SPEC = {
  exposedPorts: ["80/tcp", "82/tcp", "5000/tcp", "53/udp", "81/tcp"],
  environment: ["FOO=bar", "PATH=/bin", "HOME=/root"],
};

function linked(spec: Partial<typeof SPEC> = SPEC): LinkedChild {
  const child = { ...PLAIN_RECORD, name: "c1", hostname: "chost", spec: { ...PLAIN_RECORD.spec, ...spec } };
  return { link: { name: "c1", alias: "db-x" }, child, addresses: [parseAddress("172.17.0.4")] };
}

for (const [text, name, alias] of [
  ["c1:db", "c1", "db"],
  ["c1", "c1", "c1"],
  ["/c1:/parent/db", "c1", "db"],
] as const) {
  test(`${text} is ${name} as ${alias}`, () => assert.deepEqual(parseLink(text), { name, alias }));
}

test("a link has one colon at most, and says something", () => {
  assert.throws(() => parseLink("a:b:c"), { message: "bad format for links: a:b:c" });
  assert.throws(() => parseLink(""), { message: "empty string specified for links" });
});

test("a child is called by alias, hostname and name, each once", () => {
  assert.deepEqual(sandboxLink(linked()).names, ["db-x", "chost", "c1"]);
  const same = { ...linked(), link: { name: "c1", alias: "c1" } };
  assert.deepEqual(sandboxLink(same).names, ["c1", "chost"]);
});

test("ports, runs of ports, the name and the child's own variables are told", () => {
  const perPort = (port: number, protocol: string): readonly string[] => {
    const name = `DB_X_PORT_${port}_${protocol.toUpperCase()}`;
    const url = `${protocol}://172.17.0.4:${port}`;
    return [`${name}=${url}`, `${name}_ADDR=172.17.0.4`, `${name}_PORT=${port}`, `${name}_PROTO=${protocol}`];
  };
  assert.deepEqual(
    [...linkEnvironment("pp", linked())].sort(),
    [
      "DB_X_PORT=udp://172.17.0.4:53",
      ...perPort(53, "udp"),
      ...[80, 81, 82, 5000].flatMap((port) => perPort(port, "tcp")),
      "DB_X_PORT_80_TCP_START=tcp://172.17.0.4:80",
      "DB_X_PORT_80_TCP_PORT_START=80",
      "DB_X_PORT_80_TCP_END=tcp://172.17.0.4:82",
      "DB_X_PORT_80_TCP_PORT_END=82",
      "DB_X_NAME=/pp/db-x",
      "DB_X_ENV_FOO=bar",
    ].sort(),
  );
});

test("a child without ports has a name only", () => {
  assert.deepEqual(linkEnvironment("pp", linked({})), ["DB_X_NAME=/pp/db-x"]);
});
