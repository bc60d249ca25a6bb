/** The host's resolv.conf changes while sandboxes run. */
import assert from "node:assert/strict";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { formatAddress, parseAddress } from "../addr/ip-address.ts";
import type { SandboxView } from "./cnm.ts";
import { FakeParts } from "./testing/fake-parts.ts";

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `not within 10 s: ${what}`);
    await delay(20);
  }
}

const nameservers = async ({ resolvConfPath }: SandboxView): Promise<readonly string[]> =>
  [...(await readFile(resolvConfPath, "utf8")).matchAll(/^nameserver (\S+)$/gm)].map(([, server = ""]) => server);

function upstreams(parts: FakeParts, { id }: SandboxView): readonly string[] {
  return (parts.dns.sandboxes.get(id)?.upstreams ?? []).map(({ address }) => formatAddress(address));
}

test("resolvers ask the new servers and files name them, but for those that somebody edited or wrote --dns for", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "backend" });
  const make = async (name: string, network: string, more = {}): Promise<SandboxView> => {
    await mkdir(join(parts.directory, name));
    const spec = { ...parts.spec(name, network), filesDirectory: join(parts.directory, name), ...more };
    return controller.createSandbox(spec);
  };
  const named = await make("named", "backend");
  const plain = await make("plain", "bridge");
  const edited = await make("edited", "bridge");
  const own = await make("own", "backend", { dns: { servers: [parseAddress("198.51.100.1")] } });
  await writeFile(edited.resolvConfPath, "nameserver 203.0.113.1\n");
  assert.deepEqual([upstreams(parts, named), await nameservers(plain)], [["192.0.2.53"], ["192.0.2.53"]]);

  const fresh = join(parts.directory, "fresh");
  await writeFile(fresh, "nameserver 192.0.2.99\nsearch new.example\n");
  await rename(fresh, join(parts.directory, "resolv.conf"));
  await until("the resolver asks the new server", () => upstreams(parts, named).join() === "192.0.2.99");
  await until("the file names the new server", async () => (await nameservers(plain)).join() === "192.0.2.99");
  assert.match(await readFile(named.resolvConfPath, "utf8"), /^search new\.example$/m);
  assert.deepEqual(await nameservers(edited), ["203.0.113.1"]);
  assert.deepEqual(upstreams(parts, own), ["198.51.100.1"]);
});
