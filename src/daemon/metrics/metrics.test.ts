/** What Prometheus is told, by whom it can be asked, and that nothing else is to be had there. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { silentLog } from "../../base/log.ts";
import { EventBus } from "../../base/event-bus.ts";
import { systemClock } from "../../base/clock.ts";
import { described, Metrics, sample } from "./metrics.ts";
import { MetricsServer, parseMetricsAddress } from "./metrics-server.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

function lines(text: string, start: string): readonly string[] {
  return text.split("\n").filter((line) => line.startsWith(start));
}

test("addresses are written HOST:PORT", () => {
  assert.deepEqual(parseMetricsAddress("127.0.0.1:9323"), { host: "127.0.0.1", port: 9323 });
  assert.deepEqual(parseMetricsAddress("[::1]:9323"), { host: "::1", port: 9323 });
  assert.deepEqual(parseMetricsAddress(":9323"), { host: "", port: 9323 });
  for (const text of ["", "9323", "127.0.0.1", "::1:9323", "127.0.0.1:70000", "http://127.0.0.1:9323"]) {
    assert.throws(() => parseMetricsAddress(text), { message: `--metrics-addr must be written ADDRESS:PORT: ${text}` });
  }
});

test("actions are counted by how long they took, from zero on", async () => {
  const metrics = new Metrics(silentLog);
  metrics.took("connect", 0.02);
  metrics.took("connect", 3);
  const told = lines(await metrics.text(), "engine_daemon_network_actions_seconds");
  assert.ok(told.includes('engine_daemon_network_actions_seconds_bucket{le="0.025",action="connect"} 1'));
  assert.ok(told.includes('engine_daemon_network_actions_seconds_count{action="connect"} 2'));
  assert.ok(told.includes('engine_daemon_network_actions_seconds_sum{action="connect"} 3.02'));
  assert.ok(told.includes('engine_daemon_network_actions_seconds_count{action="release"} 0'));
});

test("numbers are read when they are asked for, and what is no more is not told", async () => {
  const metrics = new Metrics(silentLog);
  let drivers = ["bridge", "overlay"];
  metrics.gauge(described("x_networks", "Networks", "driver"), () => drivers.map((driver) => sample(2, { driver })));
  metrics.counter(described("x_total", "Things"), async () => Promise.resolve([sample(drivers.length)]));
  const first = await metrics.text();
  assert.deepEqual(lines(first, "x_networks"), ['x_networks{driver="bridge"} 2', 'x_networks{driver="overlay"} 2']);
  assert.deepEqual(lines(first, "x_total"), ["x_total 2"]);
  assert.deepEqual(lines(first, "# TYPE x_"), ["# TYPE x_networks gauge", "# TYPE x_total counter"]);
  drivers = ["bridge"];
  const second = await metrics.text();
  assert.deepEqual(lines(second, "x_networks"), ['x_networks{driver="bridge"} 2']);
  assert.deepEqual(lines(second, "x_total"), ["x_total 1"]);
});

test("a number that cannot be read is left out and said; the others are told", async () => {
  const said: string[] = [];
  const metrics = new Metrics({ ...silentLog, warn: (_fields, message) => void said.push(message) });
  metrics.gauge(described("x_broken", "Broken"), () => Promise.reject(new Error("worker is gone")));
  metrics.gauge(described("x_whole", "Whole"), () => [sample(1)]);
  const text = await metrics.text();
  assert.deepEqual([lines(text, "x_broken"), lines(text, "x_whole")], [[], ["x_whole 1"]]);
  assert.deepEqual(said, ["metric left out: worker is gone"]);
});

test("events are counted as they happen", async () => {
  const metrics = new Metrics(silentLog);
  const events = new EventBus(systemClock);
  metrics.countEvents(events);
  for (const action of ["create", "destroy"]) events.emit({ type: "network", action, actorId: "n", attributes: {} });
  assert.deepEqual(lines(await metrics.text(), "engine_daemon_events_total"), ["engine_daemon_events_total 2"]);
});

test("GET /metrics is answered as Prometheus reads it, anything else is refused", async () => {
  await using server = await MetricsServer.open(LOOPBACK, new Metrics(silentLog), silentLog);
  const url = `http://${server.address}`;
  const [first, second] = await Promise.all([fetch(`${url}/metrics`), fetch(`${url}/metrics?x=1`)]);
  assert.equal(first.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.match(await first.text(), /^engine_daemon_engine_cpus_cpus \d+$/m);
  assert.match(await second.text(), /^process_resident_memory_bytes \d+$/m);
  assert.equal((await fetch(`${url}/`)).status, 404);
  assert.equal((await fetch(`${url}/metrics`, { method: "POST", body: "x".repeat(100_000) })).status, 405);
  const head = await fetch(`${url}/metrics`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

test("rubbish is answered with an error, and the server goes on", async () => {
  await using server = await MetricsServer.open(LOOPBACK, new Metrics(silentLog), silentLog);
  const [host = "", port = ""] = server.address.split(":");
  const socket = connect(Number(port), host);
  const closed = once(socket.resume(), "close");
  socket.on("error", () => undefined).end(Buffer.from("\x00\xff /metrics HTTP/9\r\n\r\n"));
  await closed;
  assert.equal((await fetch(`http://${server.address}/metrics`)).status, 200);
});

test("an address that is taken is an error that names the flag", async () => {
  await using server = await MetricsServer.open(LOOPBACK, new Metrics(silentLog), silentLog);
  const address = parseMetricsAddress(server.address);
  await assert.rejects(MetricsServer.open(address, new Metrics(silentLog), silentLog), {
    code: "unavailable",
    message: /^start the metrics server \(--metrics-addr\): listen EADDRINUSE/,
  });
});
