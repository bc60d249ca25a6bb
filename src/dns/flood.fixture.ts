/** For tests: a container that asks its resolver more than anybody can answer. */
import { spawn, type ChildProcess } from "node:child_process";

/** So many different questions to a sandbox's resolver from inside its namespace, as fast as they can be sent. */
export function startFlood(netns: string, port: number, count: number): ChildProcess {
  const script = `
    const socket = require("node:dgram").createSocket("udp4");
    const question = (n) => Buffer.concat([Buffer.from([n >> 8, n, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5]),
      Buffer.from(String(n).padStart(5, "0")), Buffer.from([3, 0x6f, 0x72, 0x67, 0, 0, 1, 0, 1])]);
    const send = (n) => n < ${count} && socket.send(question(n), ${port}, "127.0.0.11", () => send(n + 1));
    send(0);`;
  return spawn("ip", ["netns", "exec", netns, process.execPath, "-e", script], { stdio: "inherit" });
}
