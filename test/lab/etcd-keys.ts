/** Keys of the lab's etcd by hand, over its JSON gateway and curl, as a person does who should not. */
import { run } from "../support/run.ts";
import type { Lab } from "./lab.ts";

/** Below the prefix of the lab's hosts: `causeway/networks/...`. */
export async function keysBelow(lab: Lab, prefix: string): Promise<ReadonlyMap<string, string>> {
  const start = `lab/${prefix}`;
  const end = `${start.slice(0, -1)}${String.fromCharCode(start.charCodeAt(start.length - 1) + 1)}`;
  const answer = await ask(lab, "range", { key: encode(start), range_end: encode(end) });
  const pairs = [...answer.matchAll(/"key":"([^"]+)"[^}]*?"value":"([^"]*)"/g)];
  return new Map(pairs.map(([, key = "", value = ""]) => [decode(key).slice("lab/".length), decode(value)]));
}

export async function putKey(lab: Lab, key: string, value: string): Promise<void> {
  await ask(lab, "put", { key: encode(`lab/${key}`), value: encode(value) });
}

async function ask(lab: Lab, method: string, body: Readonly<Record<string, string>>): Promise<string> {
  const url = `http://${lab.store.hosts[0] ?? ""}/v3/kv/${method}`;
  const { status, stdout, stderr } = await run(["curl", "-sS", "--max-time", "5", "--data", JSON.stringify(body), url]);
  if (status !== 0 || stdout.includes('"error"')) throw new Error(`etcd ${method}: ${stderr}${stdout}`);
  return stdout;
}

const encode = (text: string): string => Buffer.from(text).toString("base64");
const decode = (text: string): string => Buffer.from(text, "base64").toString();
