/**
 * What packets do under each firewall: the table of `testing/traffic-scenarios.fixture.ts` with real packets of real sockets
 * between the namespaces of `testing/lab.fixture.ts`; the same for every backend, with br_netfilter and without.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import type { Firewall } from "./firewall.ts";
import { dnsRedirect, published } from "./policies.fixture.ts";
import { Lab, sh, type Place } from "./testing/lab.fixture.ts";
import { NETWORKS, SCENARIOS } from "./testing/traffic-scenarios.fixture.ts";

const ANSWER_MS = 3_000;
/** Of a probe that is denied; in the kernel of one machine an answer takes less than a millisecond. */
const SILENCE_MS = 500;

/** `open` gives a firewall over an empty ruleset in this process's namespace, which the lab is the host of. */
export function trafficContract(name: string, open: () => Promise<Firewall>): void {
  describe(`the traffic of ${name}`, () => {
    let lab: Lab;
    let firewall: Firewall;
    before(async () => {
      lab = await Lab.open();
      firewall = await open();
    });
    after(async () => {
      await firewall.reconcile([]);
      await firewall[Symbol.asyncDispose]();
      await lab[Symbol.asyncDispose]();
    });

    for (const bridgeFilter of [true, false]) {
      const skip = bridgeFilter && !existsSync("/proc/sys/net/bridge") ? "kernel feature missing: br_netfilter" : false;
      describe(bridgeFilter ? "bridges call the packet filter" : "bridges do not", { skip }, () => {
        before(() => lab.bridgeCallsFilter(bridgeFilter));
        for (const scenario of SCENARIOS) {
          if (scenario.onlyWithBridgeFilter === true && !bridgeFilter) continue;
          test(scenario.title, async () => {
            lab.route(scenario.routed ?? false);
            await firewall.reconcile(scenario.policies);
            await assertProbes(lab, scenario.probes);
          });
        }
      });
    }

    test("a port that is published later answers, and is silent when it goes, and the others stay", async () => {
      await firewall.reconcile([...NETWORKS, published("br-a", "8080", "10.1.0.2:80")]);
      const second = published("br-a", "8081", "10.1.0.2:80");
      await firewall.apply({ add: [second], remove: [] });
      await assertProbes(lab, ["world: 192.0.2.1:8080 = a1", "world: 192.0.2.1:8081 = a1"]);
      await firewall.apply({ add: [], remove: [published("br-a", "8080", "10.1.0.2:80")] });
      await assertProbes(lab, [
        "world: 192.0.2.1:8080 = nobody",
        "world: 192.0.2.1:8081 = a1",
        "a1: 10.1.0.1:8081 = a1",
      ]);
    });

    test("a query to port 53 of the resolver is answered from that port by the redirected one, over UDP and TCP", async () => {
      sh("ip -n a1 addr add 127.0.0.11/32 dev lo");
      const resolver = spawn("ip", ["netns", "exec", "a1", process.execPath, "-e", RESOLVER], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        await once(resolver.stdout, "data");
        await firewall.apply({ add: [dnsRedirect("/run/netns/a1", 40001, 40002)], remove: [] });
        for (const transport of ["+notcp", "+tcp"]) {
          const dig = ["netns", "exec", "a1", "dig", "@127.0.0.11", "c2", transport, "+tries=1", "+time=2", "+noedns"];
          const { stdout } = spawnSync("ip", dig, { encoding: "utf8", timeout: 10_000 });
          assert.match(stdout, /status: NOERROR/);
          assert.match(stdout, /SERVER: 127\.0\.0\.11#53/);
        }
      } finally {
        resolver.kill();
        await once(resolver, "close");
      }
    });
  });
}

/** Answers each query over UDP and TCP with its own bytes and the response bit, which dig takes for an empty answer. */
const RESOLVER = `
const answer = (query) => { const reply = Buffer.from(query); reply[2] |= 0x80; return reply; };
const udp = require("dgram").createSocket("udp4");
udp.on("message", (query, peer) => udp.send(answer(query), peer.port, peer.address));
const tcp = require("net").createServer((s) => s.on("data", (d) => { const r = Buffer.from(d); r[4] |= 0x80; s.end(r); }));
udp.bind(40001, "127.0.0.11", () => tcp.listen(40002, "127.0.0.11", () => console.log("ready")));`;

async function assertProbes(lab: Lab, probes: readonly string[]): Promise<void> {
  const found = await Promise.all(probes.map((probe) => outcome(lab, probe)));
  assert.deepEqual(found, probes);
}

/** The probe as it came out, to be compared with what was expected. */
async function outcome(lab: Lab, probe: string): Promise<string> {
  const [, from = "", target = "", expected = ""] = /^(\w+): (.+) = (.+)$/.exec(probe) ?? [];
  const silent = expected === "nobody";
  const answer = (await lab.ask(placeOf(from), target, silent ? SILENCE_MS : ANSWER_MS)) ?? "nobody";
  const told = expected.includes(" ") ? answer : (answer.split(" ")[0] ?? "");
  return `${from}: ${target} = ${told}`;
}

function placeOf(name: string): Place {
  const place = (["host", "world", "a1", "a2", "b1"] as const).find((known) => known === name);
  if (place === undefined) throw new Error(`nobody is called ${name}`);
  return place;
}
