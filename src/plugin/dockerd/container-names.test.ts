/** Names are learned from a dockerd that is asked a few questions at a time, and whatever it answers, asked again later. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { until } from "../../../test/support/wait.ts";
import { silentLog } from "../../base/log.ts";
import type { EndpointIntent } from "../../drivers/intent.ts";
import { ContainerNames, type Named } from "./container-names.ts";
import { DockerApi } from "./docker-api.ts";

const directory = mkdtempSync(join(tmpdir(), "causeway-names-"));
after(() => rmSync(directory, { recursive: true }));
let sockets = 0;

/** A dockerd on a socket of its own. */
async function serve(listener: RequestListener): Promise<{ path: string } & AsyncDisposable> {
  const path = join(directory, `${sockets++}.sock`);
  const server = createServer(listener);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(path, resolve);
  await promise;
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      const { promise: closed, resolve: close } = Promise.withResolvers<void>();
      server.close(() => close());
      server.closeAllConnections();
      await closed;
    },
  };
}

function endpoint(id: string): EndpointIntent {
  const nothing = { addresses: [], linkLocal: [], dnsNames: [], privateAliases: {}, options: {} };
  return { id, networkId: "n", name: id, ...nothing, gatewayPriority: 0, ports: [], links: [], lent: {} };
}

/** `count` endpoints, two of each container. */
function lent(count: number): { readonly named: Map<string, readonly string[]>; readonly lending: Named } {
  const endpoints = Array.from({ length: count }, (_, index) => endpoint(`e${index}`));
  const named = new Map<string, readonly string[]>();
  const nameEndpoint: Named["nameEndpoint"] = async (id, { dnsNames }) => void named.set(id, dnsNames);
  return { named, lending: { endpoints: () => endpoints, nameEndpoint } };
}

const networksOf = (number: number, alias?: string) => ({
  NetworkSettings: {
    Networks: Object.fromEntries(
      [2 * number, 2 * number + 1].map((each) => [`n${each}`, { EndpointID: `e${each}`, Aliases: alias && [alias] }]),
    ),
  },
});

test("each container is asked about once a round, a few of them at a time", async () => {
  const containers = 40;
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  let most = 0;
  // Once as many ask as may; whoever asks besides has come some turns later.
  const answerAll = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn++) await nextTurn();
    most = Math.max(most, waiting.length);
    for (const answer of waiting.splice(0)) answer();
  };
  await using docker = await serve((request, response) => {
    const path = (request.url ?? "").replace(/^\/v[\d.]+/, "");
    if (path.startsWith("/events")) return response.writeHead(200).flushHeaders();
    if (path === "/containers/json") {
      const list = Array.from({ length: containers }, (_, n) => ({
        Id: `c${n}`,
        Names: [`/web${n}`],
        ...networksOf(n),
      }));
      return void response.end(JSON.stringify(list));
    }
    const number = Number(/^\/containers\/c(\d+)\/json$/.exec(path)?.[1]);
    asked.push(path);
    waiting.push(() => response.end(JSON.stringify(networksOf(number, `alias${number}`))));
    if (waiting.length === 8) void answerAll();
  });
  const { named, lending } = lent(2 * containers);
  await using names = new ContainerNames({ lending, api: new DockerApi(docker.path), log: silentLog });
  names.look();
  await until("all are named", () => named.size === 2 * containers);
  assert.deepEqual(named.get("e7"), ["web3", "alias3"]);
  assert.equal(asked.length, containers);
  assert.equal(most, 8);
});

test("a dockerd that answers rubbish is asked again, and ending does not wait for one that is silent", async () => {
  const answers = ["", "nonsense", "{}", '[{"Id":5}]', '[{"Names":[{}]}]', '[{"NetworkSettings":{"Networks":[1]}}]'];
  let rounds = 0;
  await using docker = await serve((request, response) => {
    if ((request.url ?? "").includes("/events")) {
      // Something happens as long as there is rubbish left to give; then it falls silent.
      response.writeHead(200).write("{}\n");
      return void (rounds < answers.length ? response.end() : undefined);
    }
    response.end(answers[rounds++ % answers.length]);
  });
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_fields: object, text: string) => void warnings.push(text) };
  const { named, lending } = lent(2);
  const names = new ContainerNames({ lending, api: new DockerApi(docker.path), log });
  names.open();
  for (const [index] of answers.entries()) {
    await until("it is asked", () => rounds > index);
    names.look();
  }
  await names[Symbol.asyncDispose]();
  assert.equal(named.size, 0);
  assert.ok(
    warnings.every((text) => text.startsWith("containers' names are not learned now: ")),
    warnings.join("\n"),
  );
  assert.ok(warnings.length > 0);
});
