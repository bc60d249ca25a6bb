/** `causeway port` against the real docker CLI, and `causeway ports`, which docker does not have. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { text as readText } from "node:stream/consumers";
import { describe, it } from "node:test";
import { DOCKER_MISSING, runBoth } from "../both-clis.ts";
import { FakeDaemon, type FakeAnswer } from "../fake-daemon.ts";
import { main } from "../main.ts";

const binding = (HostIp: string, HostPort: string) => ({ HostIp, HostPort });
const CONTAINER: FakeAnswer = {
  json: {
    Id: "f1a2",
    Name: "/c1",
    NetworkSettings: {
      Ports: {
        "80/tcp": [binding("0.0.0.0", "8080"), binding("::", "8080")],
        "9/tcp": [binding("127.0.0.1", "900")],
        "53/udp": [binding("0.0.0.0", "5300")],
        "99/tcp": null,
      },
    },
  },
};

describe("port says where ports are published, as docker does", { skip: DOCKER_MISSING }, () => {
  for (const words of [
    ["port", "c1"],
    ["port", "c1", "80"],
    ["port", "c1", "80/tcp"],
    ["port", "c1", "53/udp"],
    ["port", "c1", "53"],
    ["port", "c1", "99"],
    ["port", "c1", "x"],
    ["port", "c1", "70000"],
    ["port"],
    ["container", "port", "c1"],
  ]) {
    it(words.join(" "), async () => {
      const { theirs, ours } = await runBoth({ "GET /containers/c1/json": CONTAINER }, words);
      assert.deepEqual(ours, theirs);
    });
  }
});

describe("ports", () => {
  const range = (First: number, Last = First) => ({ First, Last });
  const exposure = {
    Container: { Id: "f1a2", Name: "web" },
    Network: "backend",
    Protocol: "tcp",
    ContainerIp: "172.18.0.2",
    By: "translation",
  };
  const answers: Record<string, FakeAnswer> = {
    "GET /causeway/ports": {
      json: [
        {
          ...exposure,
          HostIp: "0.0.0.0",
          HostPorts: range(8000, 8010),
          ContainerPorts: range(80, 90),
          Reach: "networks",
          ReachedBy: "192.168.7.0/24",
          Warnings: ["ufw denies 8000-8010/tcp"],
        },
        {
          ...exposure,
          HostIp: "::1",
          HostPorts: range(8080),
          ContainerPorts: range(80),
          By: "proxy",
          Reach: "loopback",
          ReachedBy: "this host alone",
          Warnings: [],
        },
        {
          ...exposure,
          HostIp: "",
          HostPorts: null,
          ContainerPorts: range(80),
          By: "routing",
          Reach: "networks",
          ReachedBy: "whoever has a route",
          Warnings: [],
        },
      ],
    },
  };

  it("lists who reaches each, and warns on stderr", async () => {
    const { stdout, stderr } = await causeway(answers, ["ports"]);
    assert.deepEqual(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.split(/ {2,}/)),
      [
        ["PUBLISHED", "TARGET", "CONTAINER", "NETWORK", "BY", "REACHED BY"],
        ["0.0.0.0:8000-8010", "172.18.0.2:80-90/tcp", "web", "backend", "translation", "192.168.7.0/24"],
        ["[::1]:8080", "172.18.0.2:80/tcp", "web", "backend", "proxy", "this host alone"],
        ["-", "172.18.0.2:80/tcp", "web", "backend", "routing", "whoever has a route"],
      ],
    );
    assert.equal(stderr, "WARNING: 0.0.0.0:8000-8010: ufw denies 8000-8010/tcp\n");
  });

  it("prints what a template asks for", async () => {
    const { stdout } = await causeway(answers, ["ports", "--format", "{{.Container}} {{.Reach}}"]);
    assert.equal(stdout, "web networks\nweb loopback\nweb networks\n");
  });
});

async function causeway(answers: Record<string, FakeAnswer>, words: readonly string[]) {
  await using fake = await FakeDaemon.start(answers);
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const texts = Promise.all([readText(stdout), readText(stderr)]);
  const status = await main(["-H", fake.host, ...words], { stdin, stdout, stderr, environment: {} });
  stdout.end();
  stderr.end();
  const [out, error] = await texts;
  assert.equal(status, 0, error);
  return { stdout: out, stderr: error };
}
