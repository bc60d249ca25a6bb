/** The container commands print, ask and fail exactly as the real docker CLI does against the same daemon. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Json } from "../../store/store.ts";
import { AT_ONCE, DOCKER_MISSING, runBoth } from "../both-clis.ts";
import type { FakeAnswer } from "../fake-daemon.ts";

const ID = "f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2";

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

const OUTPUT = Buffer.concat([frame(1, "out 1\n"), frame(2, "err 1\n"), frame(1, "out 2\n")]);

function details(tty: boolean, more: Record<string, Json> = {}): Json {
  return {
    Id: ID,
    Name: "/c1",
    State: { Status: "running", Running: true, Paused: false, Restarting: false },
    Config: { Tty: tty, OpenStdin: false, Labels: { a: "1" } },
    HostConfig: { AutoRemove: false },
    NetworkSettings: { Networks: { backend: { IPAddress: "172.18.0.2" } } },
    ...more,
  };
}

const created = Math.floor(Date.now() / 1000) - 3 * 3600;
const CONTAINERS: Json = [
  {
    Id: ID,
    Names: ["/c1", "/other/alias"],
    Image: "busybox",
    ImageID: `sha256:${ID}`,
    Command: 'sh -c "a very long command that goes on"',
    Created: created,
    Ports: [
      { IP: "0.0.0.0", PrivatePort: 80, PublicPort: 7000, Type: "tcp" },
      { IP: "0.0.0.0", PrivatePort: 81, PublicPort: 7001, Type: "tcp" },
      { IP: "::", PrivatePort: 80, PublicPort: 7000, Type: "tcp" },
      { PrivatePort: 53, Type: "udp" },
      { PrivatePort: 54, Type: "udp" },
      { IP: "127.0.0.1", PrivatePort: 90, PublicPort: 90, Type: "tcp" },
    ],
    Labels: { a: "1" },
    State: "running",
    Status: "Up 3 hours",
    HostConfig: { NetworkMode: "backend" },
    NetworkSettings: { Networks: { backend: {} } },
    Mounts: [{ Type: "volume", Name: "a-volume-with-a-long-name", Source: "/x", Driver: "local" }],
    SizeRw: 1234567,
    SizeRootFs: 98765432,
  },
  {
    Id: `0${ID.slice(1)}`,
    Names: ["/c2"],
    Image: `sha256:${ID}`,
    ImageID: `sha256:${ID}`,
    Command: "sh",
    Created: created,
    Ports: [],
    Labels: {},
    State: "exited",
    Status: "Exited (0) 2 hours ago",
    NetworkSettings: { Networks: {} },
    Mounts: [],
  },
];

const IMAGES: Json = [
  {
    Id: `sha256:${ID}`,
    RepoTags: ["localhost:5000/bb:1"],
    RepoDigests: [],
    Created: created,
    Size: 1_234_567,
    Labels: {},
    Containers: -1,
    ParentId: "",
    SharedSize: -1,
  },
  {
    Id: `sha256:0${ID.slice(1)}`,
    RepoTags: [],
    RepoDigests: [],
    Created: created - 86_400,
    Size: 999,
    Labels: {},
    Containers: -1,
    ParentId: "",
    SharedSize: -1,
  },
];

const noSuch = (name: string): Json => ({ message: `No such container: ${name}` });

const write = (socket: NodeJS.WritableStream): void => void socket.end(OUTPUT);
const framed = { hijack: write, contentType: "application/vnd.docker.multiplexed-stream" };
const runnable = (id: string, status: number): Record<string, FakeAnswer> => ({
  [`POST /containers/${id}/attach`]: framed,
  [`POST /containers/${id}/wait`]: { json: { StatusCode: status } },
  [`POST /containers/${id}/start`]: { status: 204 },
});

const ANSWERS: Readonly<Record<string, FakeAnswer>> = {
  "GET /containers/json": { json: CONTAINERS },
  "GET /images/json": { json: IMAGES },
  "POST /containers/create": { status: 201, json: { Id: ID, Warnings: ["no swap"] } },
  ...runnable(ID, 3),
  ...runnable("c1", 0),
  [`GET /containers/${ID}/json`]: { json: details(false) },
  "GET /containers/c1/json": { json: details(false) },
  "GET /containers/c2/json": { json: details(false, { State: { Running: false } }) },
  "GET /containers/nobody/json": { status: 404, json: noSuch("nobody") },
  [`GET /containers/${ID}/logs`]: { bytes: OUTPUT, contentType: "application/vnd.docker.multiplexed-stream" },
  "GET /containers/c1/logs": { bytes: OUTPUT, contentType: "application/vnd.docker.multiplexed-stream" },
  "POST /containers/c1/exec": { status: 201, json: { Id: "e1" } },
  "POST /containers/nobody/exec": { status: 404, json: noSuch("nobody") },
  "POST /exec/e1/start": framed,
  "GET /exec/e1/json": { json: { ID: "e1", ExitCode: 7, Running: false } },
  "POST /containers/c1/stop": { status: 204 },
  "POST /containers/c1/restart": { status: 204 },
  "POST /containers/c1/kill": { status: 204 },
  "POST /containers/c1/rename": { status: 204 },
  "DELETE /containers/c1": { status: 204 },
  "POST /containers/c2/start": { status: 404, json: { message: "network backend not found" } },
  "DELETE /images/busybox": { json: [{ Untagged: "busybox:latest" }, { Deleted: `sha256:${ID}` }] },
  "POST /images/busybox/tag": { status: 201 },
  "POST /images/create": { json: { status: `sha256:${ID}` } },
  "GET /images/busybox/json": { json: { Id: `sha256:${ID}`, RepoTags: ["busybox:latest"] } },
  "GET /info": { json: {} },
  "GET /networks/backend": { json: { Name: "backend", Id: ID } },
};

describe("a container command says what docker says:", { skip: DOCKER_MISSING, concurrency: AT_ONCE }, () => {
  const RUNS = [
    "-d busybox",
    "-itd --name c1 --net backend busybox sh -c x",
    "-d -p 8080:80 -p 127.0.0.1::90/udp -p 7000-7002:80-82 -p [::1]:1:2 -p 99 -P --expose 5-6 --expose 7/udp busybox",
    "-d -p 8000-8005:80 -p published=1,target=2,protocol=udp busybox",
    "-d --network name=n1,alias=a,ip=1.2.3.4,driver-opt=a=b,gw-priority=3 --network n2 busybox",
    "-d --net n1 --network-alias x --ip 10.0.0.1 --ip6 ::2 --mac-address 02:42:ac:11:00:02 --link a:b --link c busybox",
    "-d --net n1 --link-local-ip 169.254.1.1 --net-alias y busybox",
    "-d --link a:b busybox",
    "-d --net host --dns 1.1.1.1 --dns-search a --dns-option ndots:1 --dns-opt x -h hh --domainname dd busybox",
    "-d --add-host a:1.2.3.4 --add-host b=host-gateway --add-host c:[::1] busybox",
    "-d -e A=b -e PATHX -e TZ -l x=y --label z -w /w -u me --entrypoint e busybox a",
    "-d --privileged --cap-add NET_ADMIN --cap-add cap_chown --cap-drop all --restart on-failure:3 busybox",
    "-d -v /a:/b:ro -v vol:/c -v /anon --tmpfs /t:size=1m --tmpfs /u --mount type=bind,source=/x,target=/y,readonly busybox",
    "-d -m 64m --cpus 1.5 --pids-limit 10 --ulimit nofile=1:2 --shm-size 1g --sysctl net.a=1 --read-only --init busybox",
    "-d --stop-signal X --stop-timeout 3 --rm --pid host --ipc host --uts host --userns host --cgroupns private busybox",
    "-d --security-opt no-new-privileges --group-add 5 --runtime r --oom-score-adj 5 --cpuset-cpus 0 -c 5 busybox",
    "-d=false --rm=true -it=false busybox",
    "busybox echo --rm -d",
    "--rm busybox",
    "-i busybox cat",
    "-it busybox",
    "-d --restart always --rm busybox",
    "-d --restart on-failure:x busybox",
    "-d --net a --net a busybox",
    "-d --net host --net b busybox",
    "-d --network name=,ip=1.1.1.1 busybox",
    "-d --network name=q,nonsense=1 busybox",
    "-d --ip 1.1.1.1 --network name=q,ip=1.1.1.2 busybox",
    "-d --net container:x busybox",
    "-d -p 99999:80 busybox",
    "-d -p 80:99999 busybox",
    "-d -p 1-2:3-5 busybox",
    "-d -p 1.2.3:80:80 busybox",
    "-d -p 80/icmp busybox",
    "-d -p 80: busybox",
    "-d --add-host nonsense busybox",
    "-d -m lots busybox",
    "-d -e  busybox",
    "-d --env-file /nonexistent/file busybox",
    "-d --stop-timeout x busybox",
    "--name",
    "-p",
    "",
  ];
  const OTHERS = [
    "ps",
    "ps -a --no-trunc",
    "ps -q",
    "ps -aq --no-trunc",
    "ps -s",
    "ps -l",
    "ps -n 3 -f name=c --filter status=running",
    "ps --format {{.Names}}\\t{{.Ports}}\\t{{.Networks}}\\t{{.Mounts}}\\t{{.LocalVolumes}}\\t{{.State}}",
    'ps --format {{.Size}}·{{.CreatedAt}}·{{.RunningFor}}·{{.Labels}}·{{.Label·"a"}}',
    "ps --format table·{{.ID}}\\t{{.Image}}\\t{{.Command}}",
    "ps --format raw",
    "ps -s --format raw",
    "ps --format json",
    "ps --no-trunc --format json",
    "ps extra",
    "exec c1 ping x",
    "exec -e A=b -w /x -u me --privileged c1 ls -l",
    "exec -d c1 ls",
    "exec -it c1 sh",
    "exec nobody ls",
    "exec c1",
    "attach c2",
    "attach nobody",
    "attach c1",
    "start c1",
    "start -a c1",
    "start c1 c2",
    "start -a c1 c2",
    "stop c1",
    "stop -t 3 -s INT c1 nobody",
    "restart -t 0 c1",
    "kill c1",
    "kill -s HUP c1",
    "rm c1",
    "rm -fv c1 nobody",
    "rename c1 web",
    "rename c1",
    "logs c1",
    "logs -f -n 5 -t --since 2026-11-27T11:00:00Z --until 1700000000 c1",
    "logs --since 2026-11-27T11 --until 2026-11-27 c1",
    "logs nobody",
    "inspect c1",
    "inspect -f {{.NetworkSettings.Networks.backend.IPAddress}}·{{.State.Running}} c1",
    "inspect --type network backend",
    "inspect --type container c1",
    "inspect nobody-at-all",
    "inspect c1 nobody-at-all",
    "images",
    "image ls -a --no-trunc",
    "images -q",
    "images --digests",
    "images busybox",
    "images --format {{.Repository}}:{{.Tag}}·{{.ID}}·{{.Size}}·{{.CreatedSince}}",
    "images --format json",
    "rmi busybox",
    "image rm -f busybox nobody",
    "tag busybox localhost:5000/a/b:c",
    "image inspect busybox",
    "image inspect -f {{.RepoTags}} busybox",
  ];
  const INPUTS: Readonly<Record<string, string>> = { "run -i busybox cat": "typed\n" };
  for (const words of [...RUNS.map((run) => `run ${run}`.trim()), ...OTHERS]) {
    it(words, async () => {
      const list = words.split(" ").map((word) => word.replaceAll("·", " "));
      const { ours, theirs } = await runBoth(ANSWERS, list, INPUTS[words]);
      assert.deepEqual({ ...ours, calls: changes(ours.calls) }, { ...theirs, calls: changes(theirs.calls) });
    });
  }
});

/** What was asked for, not what was only looked at or waited for. Docker asks for several containers at once. */
function changes(calls: readonly { call: string }[]): readonly unknown[] {
  const asked = calls.filter(({ call }) => !/^GET|\/wait$|\/resize$|\/nobody\/exec$/.test(call));
  return asked.toSorted((a, b) => (a.call < b.call ? -1 : 1));
}
