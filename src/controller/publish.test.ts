/** Published ports under fakes: where they go, what they become in rules, and what is left when something fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress, parseAddress } from "../addr/ip-address.ts";
import { formatPorts } from "../addr/port-range.ts";
import { parsePrefix } from "../addr/prefix.ts";
import { HOST } from "../kernel/facts.ts";
import type { PortRequest } from "./cnm.ts";
import type { Controller } from "./controller.ts";
import { FakeParts } from "./testing/fake-parts.ts";

function request(containerPort: number, first?: number, rest: Partial<PortRequest> = {}): PortRequest {
  const hostPorts = first === undefined ? {} : { hostPorts: { first, last: first } };
  return { protocol: "tcp", containerPort, ...hostPorts, ...rest };
}

/** `0.0.0.0:8080 > 80 on backend`, of every endpoint. */
function published(controller: Controller): readonly string[] {
  return controller.sandboxes().flatMap(({ endpoints }) =>
    endpoints.flatMap(({ endpoint, network }) =>
      endpoint.ports.map(({ hostAddress, hostPorts, containerPorts, protocol }) => {
        const host = hostPorts === undefined ? "direct" : `${formatAddress(hostAddress)}:${formatPorts(hostPorts)}`;
        return `${host} > ${formatPorts(containerPorts)}/${protocol} on ${network.name}`;
      }),
    ),
  );
}

/** `0.0.0.0:8080 > 172.18.0.2:80` of each policy. */
function rules(parts: FakeParts): readonly string[] {
  return parts.firewall.policies().flatMap((policy) => {
    if (policy.kind !== "published-ports") return [];
    const { hostAddress, hostPorts, containerAddress, containerPorts } = policy;
    const container = `${formatAddress(containerAddress)}:${formatPorts(containerPorts)}`;
    return [`${formatAddress(hostAddress)}:${formatPorts(hostPorts)} > ${container}`];
  });
}

async function withController(run: (parts: FakeParts, controller: Controller) => Promise<void>): Promise<void> {
  await using parts = await FakeParts.create();
  await run(parts, await parts.open());
}

test("a port without an address is published at both families with one number; IPv6 has no rule, the proxy takes it", async () => {
  await withController(async (parts, controller) => {
    await controller.createSandbox({ ...parts.spec("c1", "bridge"), ports: [request(80, 8080)] });
    assert.deepEqual(published(controller), ["0.0.0.0:8080 > 80/tcp on bridge", ":::8080 > 80/tcp on bridge"]);
    assert.deepEqual(rules(parts), ["0.0.0.0:8080 > 172.17.0.2:80"]);
    assert.deepEqual(parts.ports.heldPorts(), ["tcp 8080"]);
  });
});

test("without IPv6, without the proxy, or with an address of its own a port is published where it can be", async () => {
  const cases = [
    { ipv6: false, ports: [request(80, 8080)], expected: ["0.0.0.0:8080 > 80/tcp on bridge"] },
    { proxy: false, ports: [request(80, 8080)], expected: ["0.0.0.0:8080 > 80/tcp on bridge"] },
    {
      ports: [request(80, 8080, { hostAddress: parseAddress("127.0.0.1") })],
      expected: ["127.0.0.1:8080 > 80/tcp on bridge"],
    },
    {
      ports: [request(80, 8080, { hostAddress: parseAddress("::1") })],
      expected: ["::1:8080 > 80/tcp on bridge"],
    },
    { ports: [request(80, 8080, { protocol: "sctp" })], expected: ["0.0.0.0:8080 > 80/sctp on bridge"] },
    { proxy: false, ports: [request(80, 8080, { hostAddress: parseAddress("::1") })], expected: [] },
  ] satisfies { ipv6?: boolean; proxy?: boolean; ports: PortRequest[]; expected: string[] }[];
  for (const { ipv6 = true, proxy = true, ports, expected } of cases) {
    await using parts = await FakeParts.create();
    parts.settings = { ...parts.settings, userlandProxy: proxy };
    parts.ports.ipv6 = ipv6;
    const controller = await parts.open();
    await controller.createSandbox({ ...parts.spec("c1", "bridge"), ports });
    assert.deepEqual(published(controller), expected);
  }
});

test("a dual-stack network is reached by rules over both families", async () => {
  await withController(async (parts, controller) => {
    await controller.createNetwork({
      name: "dual",
      enableIPv6: true,
      ipam: { pools: [{ family: 6, subnet: parsePrefix("fd09::/64") }] },
    });
    await controller.createSandbox({ ...parts.spec("c1", "dual"), ports: [request(80, 8080)] });
    assert.deepEqual(rules(parts), ["0.0.0.0:8080 > 172.18.0.2:80", ":::8080 > fd09::2:80"]);
  });
});

test("a network's own default address is where its ports are published", async () => {
  await withController(async (parts, controller) => {
    const options = { "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1" };
    await controller.createNetwork({ name: "private", options });
    const ports = [request(80, 8080), request(81, 8081, { hostAddress: parseAddress("0.0.0.0") })];
    await controller.createSandbox({ ...parts.spec("c1", "private"), ports });
    const expected = ["0.0.0.0:8081 > 81/tcp on private", "127.0.0.1:8080 > 80/tcp on private"];
    assert.deepEqual([...published(controller)].sort(), expected);
  });
});

test("neighbouring ports are one policy", async () => {
  await withController(async (parts, controller) => {
    const ports = Array.from({ length: 500 }, (_, index) => request(100 + index, 8000 + index));
    await controller.createSandbox({ ...parts.spec("c1", "bridge"), ports });
    assert.deepEqual(rules(parts), ["0.0.0.0:8000-8499 > 172.17.0.2:100-599"]);
    assert.equal(parts.ports.heldPorts().length, 500);
  });
});

test("internal networks publish nothing, routed ones open the container's own port and take none of the host's", async () => {
  await withController(async (parts, controller) => {
    await controller.createNetwork({ name: "inside", internal: true });
    const options = { "com.docker.network.bridge.gateway_mode_ipv4": "routed" };
    await controller.createNetwork({ name: "routed", options });
    await controller.createSandbox({ ...parts.spec("c1", "inside"), ports: [request(80, 8080)] });
    assert.deepEqual(published(controller), []);
    await controller.createSandbox({ ...parts.spec("c2", "routed"), ports: [request(80, 8080)] });
    assert.deepEqual(published(controller), ["direct > 80/tcp on routed"]);
    assert.deepEqual(parts.ports.heldPorts(), []);
  });
});

test("ports follow the gateway, keep their numbers, and end with the last network", async () => {
  await withController(async (parts, controller) => {
    for (const name of ["alpha", "beta"]) await controller.createNetwork({ name });
    const { id } = await controller.createSandbox({ ...parts.spec("c1", "beta"), ports: [request(80)] });
    assert.deepEqual(rules(parts), ["0.0.0.0:32768 > 172.19.0.2:80"]);
    const alpha = await controller.connect(id, { network: "alpha", name: "c1" });
    assert.deepEqual(rules(parts), ["0.0.0.0:32768 > 172.18.0.2:80"]);
    assert.deepEqual(
      published(controller).map((text) => text.split(" on ")[1]),
      ["alpha", "alpha"],
    );
    await controller.disconnect(alpha.id);
    assert.deepEqual(rules(parts), ["0.0.0.0:32768 > 172.19.0.2:80"]);
    const [beta] = controller.endpoints();
    await controller.disconnect(beta?.id ?? "");
    assert.deepEqual([rules(parts), parts.ports.heldPorts()], [[], []]);
    await controller.connect(id, { network: "beta", name: "c1" });
    assert.equal(rules(parts).length, 1);
    await controller.removeSandbox(id);
    assert.deepEqual([rules(parts), parts.ports.heldPorts()], [[], []]);
  });
});

test("a port that another has is refused in Docker's words, and leaves nothing", async () => {
  await withController(async (parts, controller) => {
    await controller.createSandbox({ ...parts.spec("c1", "bridge"), ports: [request(80, 8080)] });
    const before = parts.state();
    const wish = { ...parts.spec("c2", "bridge"), ports: [request(81, 8081), request(80, 8080)] };
    await assert.rejects(controller.createSandbox(wish), {
      code: "internal",
      message:
        /^driver failed programming external connectivity on endpoint c2 \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:8080 failed: port is already allocated$/,
    });
    assert.deepEqual(parts.state(), before);
    parts.ports.foreign.add(8082);
    await assert.rejects(controller.createSandbox({ ...wish, ports: [request(80, 8082)] }), {
      message: /failed to bind host port for 0\.0\.0\.0:8082:172\.17\.0\.3:80\/tcp: address already in use$/,
    });
    assert.deepEqual(parts.state(), before);
  });
});

test("a connect that fails gives the ports back to the network that had them", async () => {
  await withController(async (parts, controller) => {
    for (const name of ["alpha", "beta"]) await controller.createNetwork({ name });
    const { id } = await controller.createSandbox({ ...parts.spec("c1", "beta"), ports: [request(80, 8080)] });
    const seen = () => ({ published: published(controller), rules: rules(parts), held: parts.ports.heldPorts() });
    const before = seen();
    for (let step = 1; ; step++) {
      parts.kernel.failAtStep(step);
      const failed = await controller.connect(id, { network: "alpha", name: "c1" }).then(
        () => false,
        () => true,
      );
      if (!failed) break;
      assert.deepEqual(seen(), before, `after a failure at step ${step}`);
    }
    assert.notDeepEqual(seen(), before);
  });
});

test("a restart holds the same ports again, and says which it could not", async () => {
  await using parts = await FakeParts.create();
  const first = await parts.open();
  await first.createSandbox({ ...parts.spec("c1", "bridge"), ports: [request(80), request(81, 8081)] });
  const before = published(first);
  const again = await parts.open();
  assert.deepEqual(published(again), before);
  assert.deepEqual(parts.ports.heldPorts(), ["tcp 32768", "tcp 8081"]);
  assert.deepEqual(again.startReport.rules, { added: 0, removed: 0 });
  parts.ports.foreign.add(8081);
  const third = await parts.open();
  assert.deepEqual(published(third), before);
  assert.deepEqual(parts.ports.heldPorts(), ["tcp 32768"]);
  assert.match(parts.messages.at(-1) ?? "", /a published port is not held: failed to bind host port/);
  for (const { id } of third.sandboxes()) await third.removeSandbox(id);
  assert.deepEqual(parts.ports.heldPorts(), []);
});

test("a restart without the proxy no longer says what only the proxy could do", async () => {
  await using parts = await FakeParts.create();
  const first = await parts.open();
  await first.createSandbox({ ...parts.spec("c1", "bridge"), ports: [request(80, 8080)] });
  parts.settings = { ...parts.settings, userlandProxy: false };
  const again = await parts.open();
  assert.deepEqual(published(again), ["0.0.0.0:8080 > 80/tcp on bridge"]);
  assert.deepEqual(again.startReport.rules, { added: 0, removed: 0 });
  for (const { id } of again.sandboxes()) await again.removeSandbox(id);
});

test("UDP flows are forgotten when a mapping comes and when it goes, and those of no other", async () => {
  await withController(async (parts, controller) => {
    const lan = { kind: "address", namespace: HOST, link: "lo", address: parsePrefix("192.0.2.1/24") } as const;
    parts.kernel.meddle({ add: lan });
    const ports = [request(53, 5300, { protocol: "udp" }), request(80, 8080)];
    const { id } = await controller.createSandbox({ ...parts.spec("c1", "bridge"), ports });
    const seen = parts.kernel.forgotten.map(({ destination, destinationPorts, answeredBy }) => {
      const at = destination === undefined ? "anywhere" : formatAddress(destination);
      return `${at} ${formatPorts(destinationPorts)} by ${formatAddress(answeredBy)}`;
    });
    assert.ok(seen.includes("192.0.2.1 5300 by 192.0.2.1"), seen.join());
    assert.ok(seen.every((text) => text.includes(" 5300 ")));
    parts.kernel.forgotten.length = 0;
    await controller.removeSandbox(id);
    const [gone, ...others] = parts.kernel.forgotten;
    assert.deepEqual(others, []);
    assert.deepEqual(gone, {
      family: 4,
      protocol: "udp",
      destinationPorts: { first: 5300, last: 5300 },
      answeredBy: parseAddress("172.17.0.2"),
    });
  });
});
