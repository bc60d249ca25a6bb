/** `version`, `info` and `events` print what the real docker CLI prints of the same daemon, but for what they say of themselves. */
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { describe, it } from "node:test";
import type { Json } from "../../store/store.ts";
import { AT_ONCE, DOCKER_MISSING, runBoth } from "../both-clis.ts";
import type { FakeAnswer } from "../fake-daemon.ts";
import { main } from "../main.ts";

const VERSION: Json = {
  Platform: { Name: "Platform" },
  Components: [
    {
      Name: "Engine",
      Version: "1.2.3",
      Details: {
        ApiVersion: "1.50",
        Arch: "amd64",
        BuildTime: "2026-05-03T12:07:14.000000000+00:00",
        Experimental: "false",
        GitCommit: "abc",
        GoVersion: "go1",
        KernelVersion: "6.1",
        MinAPIVersion: "1.41",
        Os: "linux",
      },
    },
    { Name: "containerd", Version: "1.6", Details: { GitCommit: "def", Another: "x" } },
    { Name: "runc", Version: "1.1", Details: { GitCommit: "" } },
  ],
  Version: "1.2.3",
  ApiVersion: "1.50",
  MinAPIVersion: "1.41",
  GitCommit: "abc",
  GoVersion: "go1",
  Os: "linux",
  Arch: "amd64",
  KernelVersion: "6.1",
  BuildTime: "",
};

const PLAIN_VERSION: Json = { ...VERSION, Platform: { Name: "" }, Components: [], Experimental: true };

const INFO: Json = {
  ID: "id-1",
  Containers: 3,
  ContainersRunning: 1,
  ContainersPaused: 0,
  ContainersStopped: 2,
  Images: 4,
  Driver: "overlayfs",
  DriverStatus: [["driver-type", "io.containerd.snapshotter.v1"]],
  Plugins: { Volume: ["local"], Network: ["bridge", "host", "null"], Authorization: null, Log: ["json-file"] },
  Debug: false,
  SystemTime: "2026-11-27T11:00:00Z",
  LoggingDriver: "json-file",
  CgroupDriver: "cgroupfs",
  CgroupVersion: "2",
  KernelVersion: "6.1",
  OperatingSystem: "Debian",
  OSType: "linux",
  Architecture: "x86_64",
  RegistryConfig: { InsecureRegistryCIDRs: [], IndexConfigs: {}, Mirrors: [] },
  NCPU: 2,
  MemTotal: 25_271_877_632,
  DockerRootDir: "/data",
  HttpProxy: "",
  Name: "host",
  Labels: [],
  ExperimentalBuild: false,
  ServerVersion: "1.2.3",
  Runtimes: { runc: { path: "runc" } },
  DefaultRuntime: "runc",
  Swarm: { LocalNodeState: "inactive" },
  LiveRestoreEnabled: true,
  InitBinary: "",
  ContainerdCommit: { ID: "1.6" },
  RuncCommit: { ID: "1.1" },
  InitCommit: { ID: "" },
  SecurityOptions: [],
  DefaultAddressPools: [],
  Warnings: [],
};

const FULL_INFO: Json = {
  ...INFO,
  Debug: true,
  NFd: 20,
  NGoroutines: 7,
  NEventsListener: 1,
  CDISpecDirs: ["/etc/cdi"],
  Plugins: { Volume: ["local"], Network: ["bridge"], Authorization: ["guard"], Log: ["json-file", "none"] },
  HttpProxy: "http://proxy",
  NoProxy: "localhost",
  Labels: ["a=b", "c=d"],
  RegistryConfig: {
    InsecureRegistryCIDRs: ["::1/128", "127.0.0.0/8"],
    IndexConfigs: { "lab:5000": { Name: "lab:5000", Secure: false }, "docker.io": { Name: "docker.io", Secure: true } },
    Mirrors: ["https://mirror/"],
  },
  SecurityOptions: ["name=seccomp,profile=builtin", "name=cgroupns"],
  DefaultAddressPools: [{ Base: "10.0.0.0/8", Size: 24 }],
  Warnings: ["WARNING: one", "WARNING: two"],
};

/** As text: these nanoseconds are more than a JavaScript number holds. */
const EVENTS = [
  `{"Type":"network","Action":"create","Actor":{"ID":"n1","Attributes":{"name":"backend","type":"bridge"}},"scope":"local","time":1795780781,"timeNano":1795780781732108001}`,
  `{"status":"die","id":"c1","from":"busybox","Type":"container","Action":"die","Actor":{"ID":"c1","Attributes":{"name":"web <1>","exitCode":"3","image":"busybox"}},"scope":"local","time":1795780842,"timeNano":1795780842462257499}`,
  `{"Type":"daemon","Action":"reload","Actor":{"ID":"d1","Attributes":{}},"scope":"local","time":1795780843,"timeNano":1795780843000000000}`,
];

const ANSWERS: Readonly<Record<string, FakeAnswer>> = {
  "GET /version": { json: VERSION },
  "GET /info": { json: INFO },
  "GET /events": { bytes: `${EVENTS.join("\n")}\n` },
};

const OTHER_ANSWERS: Readonly<Record<string, FakeAnswer>> = {
  "GET /version": { json: PLAIN_VERSION },
  "GET /info": { json: FULL_INFO },
};

const CASES: readonly (readonly [words: string, answers?: typeof ANSWERS])[] = [
  ["version"],
  ["version", OTHER_ANSWERS],
  ["version", {}],
  ["version --format {{.Server.Version}}·{{.Server.APIVersion}}·{{.Server.Os}}/{{.Server.Arch}}"],
  ["version --format {{(index·.Server.Components·0).Details.BuildTime}}"],
  ["version extra"],
  ["info"],
  ["info", OTHER_ANSWERS],
  ["info", {}],
  ["info --format {{.Name}}·{{.NCPU}}·{{.MemTotal}}·{{json·.Plugins.Network}}"],
  ["info --format {{", OTHER_ANSWERS],
  ["system info", OTHER_ANSWERS],
  ["events"],
  ["events --format json"],
  ["events --format {{json·.}}"],
  ["events --format {{.Type}}·{{.Action}}·{{.Actor.ID}}·{{.Actor.Attributes.name}}·{{.Time}}·{{.TimeNano}}"],
  [
    "events --since 1795780781.732108001 --until 2026-11-27T11 -f type=network --filter event=create --filter type=volume",
  ],
  ["events --since x"],
  ["events --filter x"],
  ["events --format {{.Foo"],
];

describe("docker says the same:", { skip: DOCKER_MISSING, concurrency: AT_ONCE }, () => {
  for (const [words, answers] of CASES) {
    it(`${words}${answers === undefined ? "" : ` (daemon with ${Object.keys(answers).length} other answers)`}`, async () => {
      const list = words.split(" ").map((word) => word.replaceAll("·", " "));
      const { ours, theirs } = await runBoth(answers ?? ANSWERS, list);
      assert.deepEqual({ ...ours, stdout: ofServer(ours.stdout) }, { ...theirs, stdout: ofServer(theirs.stdout) });
    });
  }
});

describe("docker 28 no longer says:", { skip: DOCKER_MISSING }, () => {
  it("where the cluster store is, and under which address others reach this host", async () => {
    const cluster = { ClusterStore: "etcd://10.0.0.9:2379", ClusterAdvertise: "10.0.0.1:2376" };
    const { ours, theirs } = await runBoth({ "GET /info": { json: { ...INFO, ...cluster } } }, ["info"]);
    const more = " Cluster Store: etcd://10.0.0.9:2379\n Cluster Advertise: 10.0.0.1:2376\n";
    assert.ok(ours.stdout.includes(more));
    assert.equal(ofServer(ours.stdout.replace(more, "")), ofServer(theirs.stdout));
  });
});

/** Without what the client says of itself. */
function ofServer(stdout: string): string {
  return stdout.startsWith("Client:") ? stdout.slice(stdout.indexOf("Server:")) : stdout;
}

it("plugin after a flag is told to come first", async () => {
  const written: string[] = [];
  const stderr = new Writable({ write: (chunk, _encoding, done) => done(void written.push(String(chunk))) });
  const surroundings = { stdin: process.stdin, stdout: process.stdout, stderr, environment: {} };
  assert.equal(await main(["-H", "unix:///none.sock", "plugin", "ls"], surroundings), 1);
  assert.match(written.join(""), /unknown command: causeway plugin\n\nIt comes first, .*'causeway plugin --help'/);
});
