import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { HOST } from "../facts.ts";
import type { Kernel } from "../kernel.ts";
import { requirePrivateNamespace, sh } from "../testing/netns.ts";
import { openKernelThread } from "../thread.ts";
import type { FlowPattern } from "./flow.ts";

requirePrivateNamespace();
let kernel: Kernel;

before(async () => {
  kernel = await openKernelThread();
});
after(async () => kernel[Symbol.asyncDispose]());

/** Entries as `conntrack` makes them; they live on without a packet. */
function track(protocol: string, original: string, reply: string): void {
  const [source, destination, port] = original.split(" ");
  const [answeredBy, answerPort] = reply.split(" ");
  const state = protocol === "tcp" ? "--state ESTABLISHED" : "";
  sh(
    `conntrack -I -p ${protocol} ${state} --timeout 600 --orig-src ${source} --orig-dst ${destination} --sport 4000 --dport ${port} ` +
      `--reply-src ${answeredBy} --reply-dst ${source} --reply-port-src ${answerPort} --reply-port-dst 4000`,
  );
}

function tracked(family = ""): readonly string[] {
  const lines = sh(`conntrack -L ${family} 2>/dev/null`).trim().split("\n");
  return lines.flatMap((line) => {
    const [protocol = ""] = line.split(" ");
    const field = (name: string): string => new RegExp(` ${name}=(\\S+)`).exec(line)?.[1] ?? "";
    return protocol === "" ? [] : [`${protocol} ${field("dst")} ${field("dport")}`];
  });
}

const container = parseAddress("172.17.0.2");
const pattern: FlowPattern = {
  family: 4,
  protocol: "udp",
  destinationPorts: { first: 5000, last: 5001 },
  answeredBy: container,
};

test("exactly the flows of the host ports that led to the container are forgotten", async () => {
  track("udp", "10.0.0.9 10.0.0.1 5000", "172.17.0.2 53");
  track("udp", "10.0.0.9 10.0.0.1 5001", "172.17.0.2 54");
  track("udp", "10.0.0.6 10.0.0.1 5002", "172.17.0.2 53");
  track("udp", "10.0.0.7 172.17.0.2 53", "172.17.0.2 53");
  track("udp", "10.0.0.8 10.0.0.1 5000", "172.17.0.3 53");
  track("tcp", "10.0.0.9 10.0.0.1 5000", "172.17.0.2 53");
  assert.equal(await kernel.forgetFlows(HOST, [pattern]), 2);
  const left = ["tcp 10.0.0.1 5000", "udp 10.0.0.1 5000", "udp 10.0.0.1 5002", "udp 172.17.0.2 53"];
  assert.deepEqual([...tracked()].sort(), left);
  assert.equal(await kernel.forgetFlows(HOST, [pattern]), 0);
  sh("conntrack -F 2>/dev/null");
});

test("a destination narrows the pattern to it", async () => {
  track("udp", "10.0.0.9 10.0.0.1 5000", "172.17.0.2 53");
  track("udp", "10.0.0.8 10.0.0.2 5000", "172.17.0.2 53");
  assert.equal(await kernel.forgetFlows(HOST, [{ ...pattern, destination: parseAddress("10.0.0.2") }]), 1);
  assert.deepEqual(tracked(), ["udp 10.0.0.1 5000"]);
  sh("conntrack -F 2>/dev/null");
});

test("IPv6 flows are forgotten", async () => {
  track("udp", "2001:db8::9 2001:db8::1 5000", "fd00::2 53");
  const answeredBy = parseAddress("fd00::2");
  assert.equal(await kernel.forgetFlows(HOST, [{ ...pattern, family: 6, answeredBy }]), 1);
  assert.deepEqual(tracked("-f ipv6"), []);
});

test("five hundred flows go in a few datagrams", async () => {
  const lines = Array.from({ length: 500 }, (_, index) => {
    const [high, low] = [Math.floor(index / 250), (index % 250) + 1];
    return `-I -p udp --timeout 600 -s 10.1.${high}.${low} -d 10.0.0.1 --sport 4000 --dport 5000 --reply-src 172.17.0.2 --reply-dst 10.1.${high}.${low} --reply-port-src 53 --reply-port-dst 4000`;
  });
  sh(`printf '%s\\n' ${lines.map((line) => `'${line}'`).join(" ")} | xargs -L1 conntrack 2>/dev/null >/dev/null`);
  assert.equal(tracked().length, 500);
  assert.equal(await kernel.forgetFlows(HOST, [pattern]), 500);
  assert.deepEqual(tracked(), []);
});
