/** Intents survive the store, and nothing else gets out of it: round trips and hostile values. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseAddress, type IpAddress } from "../addr/ip-address.ts";
import { randomMac } from "../addr/mac-address.ts";
import type { Prefix } from "../addr/prefix.ts";
import type { EndpointIntent, NetworkIntent, PoolIntent } from "../drivers/intent.ts";
import type { Json } from "../store/store.ts";
import { RecordError, present } from "../store/record-reader.ts";
import {
  decodeEndpoint,
  decodeNetwork,
  decodeSandbox,
  encodeEndpoint,
  encodeNetwork,
  encodeSandbox,
} from "./records.ts";
import type { SandboxIntent } from "./sandbox-intent.ts";

const text = fc.string({ unit: "grapheme" });
const id = fc.string({ minLength: 64, maxLength: 64, unit: fc.constantFrom("0", "7", "a", "f") });
const nanoseconds = fc.bigInt({ min: 0n, max: 10n ** 19n });
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const texts = fc.array(text, { maxLength: 3 });
const textMap = fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true });
const family = fc.constantFrom(4 as const, 6 as const);
const address: fc.Arbitrary<IpAddress> = family.chain((one) =>
  fc.bigInt({ min: 0n, max: one === 4 ? 2n ** 32n - 1n : 2n ** 128n - 1n }).map((value) => ({ family: one, value })),
);
const prefix: fc.Arbitrary<Prefix> = address.chain((one) =>
  fc.integer({ min: 0, max: one.family === 4 ? 32 : 128 }).map((length) => ({ address: one, length })),
);
const mac = fc.constant(0).map(() => randomMac());

const pool: fc.Arbitrary<PoolIntent> = fc
  .record({
    poolId: optional(text),
    family,
    subnet: optional(prefix),
    range: optional(prefix),
    gateway: optional(address),
    auxiliary: fc.dictionary(text, address, { maxKeys: 2, noNullPrototype: true }),
  })
  .map(present);

const network: fc.Arbitrary<NetworkIntent> = fc
  .record({
    id,
    name: text,
    driver: text,
    createdNs: nanoseconds,
    scope: fc.constantFrom("local" as const, "global" as const, "swarm" as const),
    enableIPv4: fc.boolean(),
    enableIPv6: fc.boolean(),
    internal: fc.boolean(),
    attachable: fc.boolean(),
    ingress: fc.boolean(),
    configOnly: fc.boolean(),
    configFrom: optional(text),
    options: textMap,
    labels: textMap,
    ipamDriver: text,
    ipamOptions: optional(textMap),
    pools: fc.array(pool, { maxLength: 2 }),
    predefined: fc.boolean(),
  })
  .map(present);

const protocol = fc.constantFrom("tcp" as const, "udp" as const, "sctp" as const);
const portRange = fc.record({ first: fc.nat(), last: fc.nat() }).map(present);
const sandboxPort = fc
  .record({
    protocol,
    containerPort: fc.nat(),
    hostAddress: optional(address),
    hostPorts: optional(portRange),
    chosenPort: optional(fc.nat()),
  })
  .map(present);
const portLink = fc.record({ child: address, protocol, port: fc.nat() }).map(present);
const publishedPort = fc
  .record({ protocol, hostAddress: address, hostPorts: optional(portRange), containerPorts: portRange })
  .map(present);

const endpoint: fc.Arbitrary<EndpointIntent> = fc
  .record({
    id,
    networkId: id,
    name: text,
    mac: optional(mac),
    addresses: fc.array(prefix, { maxLength: 2 }),
    linkLocal: fc.array(address, { maxLength: 2 }),
    dnsNames: texts,
    privateAliases: textMap,
    options: textMap,
    gatewayPriority: fc.integer(),
    ports: fc.array(publishedPort, { maxLength: 2 }),
    links: fc.array(portLink, { maxLength: 2 }),
    attachment: optional(fc.record({ sandboxId: id, interfaceName: text }).map(present)),
  })
  .map(present);

const linkedPort = fc.record({ protocol, port: fc.nat() }).map(present);

const sandbox: fc.Arbitrary<SandboxIntent> = fc
  .record({
    id,
    containerId: text,
    createdNs: nanoseconds,
    hostNamespace: fc.boolean(),
    hostname: text,
    domainname: optional(text),
    filesDirectory: text,
    dns: fc
      .record({ servers: optional(fc.array(address)), search: optional(texts), options: optional(texts) })
      .map(present),
    extraHosts: fc.array(
      fc.record({ name: text, address: fc.oneof(address, fc.constant("host-gateway" as const)) }).map(present),
    ),
    sysctls: textMap,
    ports: fc.array(sandboxPort, { maxLength: 2 }),
    links: fc.array(fc.record({ containerId: text, names: texts, ports: fc.array(linkedPort) }).map(present), {
      maxLength: 2,
    }),
    resolver: optional(fc.record({ udpPort: fc.nat(), tcpPort: fc.nat() }).map(present)),
  })
  .map(present);

const phase = fc.constantFrom("live" as const, "removing" as const);

/** What the store does with a value. */
function stored(value: Json): Json {
  return JSON.parse(JSON.stringify(value));
}

test("every network, endpoint and sandbox comes back from the store as it went in", () => {
  fc.assert(
    fc.property(network, endpoint, sandbox, phase, (aNetwork, anEndpoint, aSandbox, aPhase) => {
      const [n, e, s] = [
        { phase: aPhase, intent: aNetwork },
        { phase: aPhase, intent: anEndpoint },
        { phase: aPhase, intent: aSandbox },
      ];
      assert.deepEqual(decodeNetwork(aNetwork.id, stored(encodeNetwork(n))), n);
      assert.deepEqual(decodeEndpoint(anEndpoint.id, stored(encodeEndpoint(e))), e);
      assert.deepEqual(decodeSandbox(aSandbox.id, stored(encodeSandbox(s))), s);
    }),
  );
});

test("any JSON at all is decoded or refused as a RecordError that names the record", () => {
  fc.assert(
    fc.property(fc.json(), (source) => {
      const value: Json = JSON.parse(source);
      for (const decode of [decodeNetwork, decodeEndpoint, decodeSandbox]) {
        assert.throws(
          () => decode("abc", value),
          (error) => error instanceof RecordError && /^(network|endpoint|sandbox) abc/.test(error.message),
        );
      }
    }),
  );
});

test("a record with one field replaced by something else is refused by that field's name, or still whole", () => {
  fc.assert(
    fc.property(network, fc.nat(), fc.json(), (intent, position, source) => {
      const whole: Record<string, Json> = JSON.parse(JSON.stringify(encodeNetwork({ phase: "live", intent })));
      const keys = Object.keys(whole);
      const key = keys[position % keys.length] ?? "";
      const value: Json = { ...whole, [key]: JSON.parse(source) };
      try {
        assert.equal(decodeNetwork(intent.id, value).intent.id, intent.id);
      } catch (cause) {
        assert.ok(cause instanceof RecordError && cause.message.includes(`.${key}`), String(cause));
      }
    }),
  );
});

test("a record under another's id is refused", () => {
  const intent: EndpointIntent = {
    id: "a",
    networkId: "n",
    name: "c1",
    addresses: [{ address: parseAddress("172.18.0.2"), length: 16 }],
    linkLocal: [],
    dnsNames: [],
    privateAliases: {},
    options: {},
    gatewayPriority: 0,
    ports: [],
    links: [],
  };
  const value = encodeEndpoint({ phase: "live", intent });
  assert.throws(() => decodeEndpoint("b", value), /endpoint b\.id: expected one of b, found "a"/);
});
