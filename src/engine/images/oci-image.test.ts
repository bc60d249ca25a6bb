/** The two documents of an image, written and read; the chain id is checked against `sha256sum`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chainId } from "./import-image.ts";
import { configDigestOf, decodeConfig, encodeConfig, encodeManifest, type ImageDocument } from "./oci-image.ts";

const document: ImageDocument = {
  architecture: "amd64",
  os: "linux",
  createdNs: 1_700_000_000_123_456_789n,
  comment: "made by a test",
  diffIds: [`sha256:${"1".repeat(64)}`],
  config: {
    command: ["sh"],
    entrypoint: ["/init"],
    environment: ["A=b"],
    workingDirectory: "/srv",
    user: "web",
    labels: { a: "b" },
    exposedPorts: ["80/tcp"],
    volumes: ["/data"],
    stopSignal: "SIGINT",
    onBuild: ["RUN x"],
  },
};

test("an image config comes back as it was written", () => {
  assert.deepEqual(decodeConfig(encodeConfig(document)), document);
});

test("the config document has OCI's spelling", () => {
  const written: unknown = JSON.parse(
    Buffer.from(encodeConfig({ ...document, config: { command: ["sh"] } })).toString(),
  );
  assert.deepEqual(written, {
    created: "2023-11-14T22:13:20.123456789Z",
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: document.diffIds },
    history: [{ created: "2023-11-14T22:13:20.123456789Z", comment: "made by a test" }],
  });
});

test("fields of the wrong type are left out, and a document that is not JSON is refused", () => {
  const odd = decodeConfig(
    Buffer.from('{"config":{"Cmd":"sh","Env":[1,"A=b"],"Labels":[]},"rootfs":null,"created":3}'),
  );
  assert.deepEqual(odd.config, { environment: ["A=b"] });
  assert.deepEqual(odd.diffIds, []);
  assert.throws(() => decodeConfig(Buffer.from("{")), /not JSON/);
});

test("a manifest names its config", () => {
  const config = { mediaType: "c", digest: `sha256:${"2".repeat(64)}`, size: "3" };
  assert.equal(configDigestOf(encodeManifest(config, [])), config.digest);
  assert.throws(() => configDigestOf(Buffer.from("{}")), /without a config/);
});

test("the chain id of one layer is its diff id; of two it is the hash of both (OCI image-spec, ChainID)", () => {
  const [a, b] = [`sha256:${"a".repeat(64)}`, `sha256:${"b".repeat(64)}`];
  assert.equal(chainId([]), "");
  assert.equal(chainId([a]), a);
  assert.equal(chainId([a, b]), "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c");
});
