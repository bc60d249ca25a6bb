/** The OCI document of a container: Docker's defaults, and what each setting changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PLAIN_SPEC } from "../plain-spec.fixture.ts";
import { containerConfig, mergeEnvironment, type ConfigInputs } from "./container-config.ts";

const inputs: ConfigInputs = {
  id: "c".repeat(64),
  spec: PLAIN_SPEC,
  commandLine: ["sh", "-c", "true"],
  imageEnvironment: ["IMAGE=1"],
  workingDirectory: "/",
  user: { uid: 0, gid: 0 },
  hostname: "box",
  cgroupParent: "/causeway",
  cgroups: { unified: false, swapLimit: true },
  volumePath: (name) => `/volumes/${name}`,
  sandbox: {
    id: "s",
    containerId: "c",
    key: "/run/netns/x",
    hostNamespace: false,
    hostsPath: "/c/hosts",
    hostnamePath: "/c/hostname",
    resolvConfPath: "/c/resolv.conf",
    endpoints: [],
  },
};

const withSpec = (change: Partial<typeof PLAIN_SPEC>): ConfigInputs => ({
  ...inputs,
  spec: { ...PLAIN_SPEC, ...change },
});
const mountsOf = (config: ConfigInputs): string[] =>
  containerConfig(config).mounts.map(
    (mount) => `${mount.source} ${mount.destination} ${mount.type} ${mount.options.join()}`,
  );

test("the mounts of a plain container are Docker's", () => {
  assert.deepEqual(mountsOf(inputs), [
    "proc /proc proc nosuid,noexec,nodev",
    "tmpfs /dev tmpfs nosuid,strictatime,mode=755,size=65536k",
    "devpts /dev/pts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
    "sysfs /sys sysfs nosuid,noexec,nodev,ro",
    "cgroup /sys/fs/cgroup cgroup ro,nosuid,noexec,nodev",
    "mqueue /dev/mqueue mqueue nosuid,noexec,nodev",
    "shm /dev/shm tmpfs nosuid,noexec,nodev,mode=1777,size=67108864",
    "/c/resolv.conf /etc/resolv.conf bind rbind,rprivate",
    "/c/hostname /etc/hostname bind rbind,rprivate",
    "/c/hosts /etc/hosts bind rbind,rprivate",
  ]);
});

test("the host's message queues need no mount of the host's", () => {
  const lines = mountsOf(withSpec({ ipcMode: "host" }));
  assert.deepEqual(lines.slice(5, 7), [
    "mqueue /dev/mqueue mqueue nosuid,noexec,nodev",
    "/dev/shm /dev/shm bind rbind,rprivate",
  ]);
});

test("a mount of the user's replaces ours at the same place, and parents come before children", () => {
  const mounts = [
    { type: "volume", source: "v", target: "/a/b", readOnly: false },
    { type: "bind", source: "/h", target: "/a/", readOnly: true, propagation: "rslave" },
    { type: "bind", source: "/my/hosts", target: "/etc/hosts", readOnly: false },
  ] as const;
  const lines = mountsOf(withSpec({ mounts, tmpfs: { "/t": "exec,size=1m" } }));
  assert.deepEqual(lines.slice(-4), [
    "tmpfs /t tmpfs nosuid,nodev,exec,size=1m",
    "/h /a bind rbind,ro,rslave",
    "/volumes/v /a/b bind rbind,rprivate",
    "/my/hosts /etc/hosts bind rbind,rprivate",
  ]);
  assert.equal(lines.filter((line) => line.includes("/etc/hosts")).length, 1);
});

test("targets must be absolute, not the root, and used once", () => {
  const at = (...targets: string[]): ConfigInputs =>
    withSpec({ mounts: targets.map((target) => ({ type: "bind", source: "/h", target, readOnly: false })) });
  assert.throws(() => mountsOf(at("relative")), { code: "invalid-argument" });
  assert.throws(() => mountsOf(at("/")), /destination can't be '\/'/);
  assert.throws(() => mountsOf(at("/a", "/a")), { message: "Duplicate mount point: /a" });
});

test("namespaces: the sandbox's network, all others new; the host's where asked for", () => {
  const types = (config: ConfigInputs): string[] =>
    containerConfig(config).linux.namespaces.map(({ type, path }) => (path === undefined ? type : `${type}=${path}`));
  assert.deepEqual(types(inputs), ["mount", "network=/run/netns/x", "uts", "pid", "ipc"]);
  const shared = withSpec({ pidMode: "host", ipcMode: "host", utsMode: "host" });
  const host = inputs.sandbox && { ...shared, sandbox: { ...inputs.sandbox, hostNamespace: true } };
  assert.deepEqual(types(host ?? shared), ["mount"]);
  assert.ok(types({ ...inputs, cgroups: { unified: true, swapLimit: true } }).includes("cgroup"));
});

test("limits become cgroup values; swap may double the memory where it is accounted", () => {
  const resources = { memory: 1000, nanoCpus: 1_500_000_000, cpuShares: 512, cpusetCpus: "0", pidsLimit: 7 };
  const { linux } = containerConfig(withSpec({ resources }));
  assert.deepEqual(
    { ...linux.resources, devices: [] },
    {
      devices: [],
      memory: { limit: 1000, swap: 2000 },
      cpu: { shares: 512, quota: 150_000, period: 100_000, cpus: "0" },
      pids: { limit: 7 },
    },
  );
  assert.equal(linux.cgroupsPath, `/causeway/${inputs.id}`);
});

test("sysctls of the network are the sandbox's business, others go to runc", () => {
  const sysctls = { "net.ipv4.ip_forward": "1", "kernel.msgmax": "1" };
  assert.deepEqual(containerConfig(withSpec({ sysctls, domainname: "example" })).linux.sysctl, {
    "kernel.domainname": "example",
    "kernel.msgmax": "1",
  });
});

test("a privileged container has every device, no mask and no filter", () => {
  const { linux } = containerConfig(withSpec({ privileged: true }));
  assert.deepEqual([linux.maskedPaths, linux.readonlyPaths, linux.seccomp], [[], [], undefined]);
  assert.deepEqual(linux.resources.devices, [{ allow: true, access: "rwm" }]);
  assert.ok(containerConfig(inputs).linux.maskedPaths.includes("/proc/kcore"));
});

test("users other than root hold no capability, only a bound", () => {
  const { capabilities } = containerConfig({ ...inputs, user: { uid: 5, gid: 5 } }).process;
  assert.deepEqual(Object.keys(capabilities), ["bounding"]);
});

test("environments merge by name: the last value wins, a bare name removes", () => {
  assert.deepEqual(mergeEnvironment(["A=1", "B=2"], ["A=3", "C=4"], ["B"]), ["A=3", "C=4"]);
  const { env } = containerConfig(withSpec({ tty: true, environment: ["PATH=/x"] })).process;
  assert.deepEqual(env, ["PATH=/x", "HOSTNAME=box", "TERM=xterm", "IMAGE=1"]);
});
