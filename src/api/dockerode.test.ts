/** The API as dockerode uses it, which speaks to it in its own ways (JSON bodies for attach, chunked uploads). */
import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { test } from "node:test";
import Docker from "dockerode";
import { TestServer } from "./fake/test-server.ts";

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += String(chunk);
  return all;
}

test("dockerode creates, connects, inspects and removes", async () => {
  await using server = await TestServer.start();
  const docker = new Docker({ socketPath: server.socketPath });
  const network = await docker.createNetwork({ Name: "backend", Labels: { a: "b" } });
  const container = await docker.createContainer({ Image: "busybox", name: "c1", OpenStdin: true });
  await container.start();
  await network.connect({ Container: "c1", EndpointConfig: { Aliases: ["db"] } });
  const inspected = await container.inspect();
  assert.deepEqual(Object.keys(inspected.NetworkSettings.Networks).sort(), ["backend", "bridge"]);
  assert.equal(inspected.NetworkSettings.Networks["bridge"]?.IPAddress, "172.17.0.2");
  const joined: Docker.NetworkInspectInfo = await network.inspect();
  assert.equal(joined.Containers?.[container.id]?.Name, "c1");
  await assert.rejects(network.remove(), { statusCode: 403 });
  await network.disconnect({ Container: "c1" });
  await network.remove();
  await container.remove({ force: true });
  await assert.rejects(container.inspect(), { statusCode: 404 });
});

test("dockerode runs a program and gets its output apart", async () => {
  await using server = await TestServer.start();
  const docker = new Docker({ socketPath: server.socketPath });
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const both = Promise.all([text(stdout), text(stderr)]);
  const [result]: readonly { readonly StatusCode: number }[] = await docker.run(
    "busybox",
    ["echo", "hi"],
    [stdout, stderr],
    { Tty: false },
  );
  assert.equal(result?.StatusCode, 0);
  stdout.end();
  stderr.end();
  assert.deepEqual(await both, ["hi\n", ""]);
});

test("dockerode attaches and executes over hijacked connections", async () => {
  await using server = await TestServer.start();
  const docker = new Docker({ socketPath: server.socketPath });
  const container = await docker.createContainer({ Image: "busybox", OpenStdin: true, Tty: true });
  await container.start();
  const attached = await container.attach({ stream: true, stdin: true, stdout: true, hijack: true });
  attached.write("echo hello\n");
  const seen: string[] = [];
  for await (const chunk of attached) {
    seen.push(String(chunk));
    if (seen.join("").includes("hello\r\nhello\r\n")) break;
  }
  const exec = await container.exec({ Cmd: ["cat"], AttachStdin: true, AttachStdout: true });
  const stream = await exec.start({ hijack: true, stdin: true });
  stream.end("typed");
  const framed = await text(stream);
  assert.equal(framed, "\u0001\0\0\0\0\0\0\u0005typed");
  assert.equal((await exec.inspect()).ExitCode, 0);
  await container.stop();
});

test("dockerode imports an image from a stream and follows events", async () => {
  await using server = await TestServer.start();
  const docker = new Docker({ socketPath: server.socketPath });
  const events = await docker.getEvents({ filters: { type: ["image"] } });
  // dockerode takes any stream; its types know only the name of a file.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const tar = Readable.from([Buffer.alloc(100_000)]) as unknown as string;
  const answer = await docker.importImage(tar, { repo: "mine", tag: "2" });
  assert.match(await text(answer), /"status":"sha256:[0-9a-f]{64}"/);
  for await (const line of events) {
    assert.match(String(line), /"Action":"tag"/);
    break;
  }
  assert.deepEqual((await docker.getImage("mine:2").inspect()).RepoTags, ["mine:2"]);
});
