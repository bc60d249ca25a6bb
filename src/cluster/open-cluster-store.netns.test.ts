/** Stores opened by their addresses, with TLS and without. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { missingStore, startStore, STORE_KINDS } from "../../test/support/cluster-servers.ts";
import { EngineError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { failsUnavailable } from "./contract/world.fixture.ts";
import { openClusterStore, type StoreTlsFiles } from "./open-cluster-store.ts";

const folder = mkdtempSync(join(tmpdir(), "causeway-tls-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A certificate that is its own authority. */
function makeTls(name: string, address = "127.0.0.1"): StoreTlsFiles {
  const [key, cert] = [join(folder, `${name}-key.pem`), join(folder, `${name}-cert.pem`)];
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=IP:${address}`];
  const files = ["-keyout", key, "-out", cert];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", ...files, ...subject], {
    stdio: "ignore",
  });
  return { ca: cert, cert, key };
}

for (const kind of STORE_KINDS) {
  it(`opens ${kind} by its address, with the prefix before every key`, { skip: missingStore(kind) }, async () => {
    await using servers = await startStore(kind);
    await using whole = await openClusterStore(`${servers.url}/`, { log: silentLog });
    await using part = await openClusterStore(`${servers.url}/one/part`, { log: silentLog });
    assert.equal(part.address, `${servers.url}/one/part`);
    assert.ok(await part.commit({ puts: [{ key: "a/b", value: "1" }] }));
    assert.deepEqual(
      (await whole.list("one")).map(({ key, value }) => [key, value]),
      [["one/part/a/b", "1"]],
    );
    assert.deepEqual(
      (await part.list("a")).map(({ key }) => key),
      ["a/b"],
    );
  });
}

for (const kind of STORE_KINDS) {
  it(
    `${kind} with TLS serves who shows a certificate of its authority, and nobody else`,
    { skip: missingStore(kind) },
    async () => {
      const [own, other] = [makeTls("own"), makeTls("other")];
      await using servers = await startStore(kind, { tls: own });
      await using store = await openClusterStore(servers.url, { tls: own, log: silentLog });
      assert.ok(await store.commit({ puts: [{ key: "a", value: "1" }] }));
      assert.equal((await store.get("a"))?.value, "1");
      const strangers = {
        "without TLS": undefined,
        "who trusts another authority": { ...own, ca: other.ca },
        "with a certificate of another authority": { ...other, ca: own.ca },
      };
      const isRefused = async ([who, tls]: readonly [string, StoreTlsFiles | undefined]): Promise<void> => {
        await using stranger = await openClusterStore(servers.url, { ...(tls && { tls }), log: silentLog });
        await failsUnavailable(stranger, who, stranger.get("a"));
      };
      await Promise.all(Object.entries(strangers).map(isRefused));
    },
  );

  it(
    `${kind} with TLS is not believed where its certificate is for another host`,
    { skip: missingStore(kind) },
    async () => {
      const elsewhere = makeTls("elsewhere", "127.0.0.2");
      await using servers = await startStore(kind, { tls: elsewhere });
      await using store = await openClusterStore(servers.url, { tls: elsewhere, log: silentLog });
      await failsUnavailable(store, "get", store.get("a"));
      await assert.rejects(store.get("a"), /127\.0\.0\.1 is not in the cert's list/);
    },
  );
}

it("a store with TLS is refused when a file of it cannot be read", async () => {
  const files = { ...makeTls("some"), cert: join(folder, "missing.pem") };
  await assert.rejects(
    openClusterStore("etcd://127.0.0.1", { tls: files, log: silentLog }),
    (error) =>
      error instanceof EngineError &&
      error.code === "invalid-argument" &&
      error.message.startsWith("cluster store option kv.certfile: ENOENT"),
  );
});
