/** Filters of `GET /containers/json` and of container prune (moby `daemon/list.go`). */
import type { PortRange } from "../addr/port-range.ts";
import { EngineError } from "../base/errors.ts";
import type { Engine } from "../engine/engine.ts";
import type { Container } from "../engine/container.ts";
import { parseUntil, type Filters } from "./filters.ts";
import { portSummaries } from "./view/ports.ts";
import { exitCodeOf, stateWord } from "./view/container-state.ts";

export const LIST_FILTERS = [
  "ancestor",
  "before",
  "exited",
  "expose",
  "health",
  "id",
  "is-task",
  "isolation",
  "label",
  "name",
  "network",
  "publish",
  "since",
  "status",
  "volume",
];
export const PRUNE_FILTERS = ["label", "label!", "until"];

const STATUSES = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];

type Test = (container: Container) => boolean;

/** What a list request selects. Throws `invalid-argument` for values that cannot be. */
export function containerFilter(filters: Filters, engine: Engine): Test {
  for (const status of filters.values("status")) {
    if (!STATUSES.includes(status)) throw new EngineError("invalid-argument", `invalid filter 'status=${status}'`);
  }
  for (const code of filters.values("exited")) {
    if (!/^-?\d+$/.test(code)) throw new EngineError("invalid-argument", `invalid filter 'exited=${code}'`);
  }
  const tests = [textTests(filters), stateTests(filters), attachmentTests(filters, engine), ageTests(filters, engine)];
  return (container) => tests.every((test) => test(container));
}

function textTests(filters: Filters): Test {
  return ({ id, name, spec }) =>
    (!filters.has("id") || filters.values("id").some((prefix) => id.startsWith(prefix)) || filters.pattern("id", id)) &&
    (filters.pattern("name", name) || filters.pattern("name", `/${name}`)) &&
    filters.labels("label", spec.labels);
}

/** There are no health checks and no swarm tasks: every container has health "none" and is no task. */
function stateTests(filters: Filters): Test {
  const task = filters.boolean("is-task");
  return ({ state }) =>
    filters.exact("status", stateWord(state)) &&
    (!filters.has("exited") || (state.status === "exited" && filters.exact("exited", String(exitCodeOf(state))))) &&
    filters.exact("health", "none") &&
    task !== true;
}

function attachmentTests(filters: Filters, engine: Engine): Test {
  const exposed = filters.values("expose").map(parsePortFilter);
  const published = filters.values("publish").map(parsePortFilter);
  return (container) => {
    const ports = portSummaries({ container, sandbox: engine.containers.sandbox(container.id) });
    const { spec, imageId } = container;
    const paths = spec.mounts.flatMap((mount) => [mount.source, mount.target]);
    const image = [spec.image, imageId, `${spec.image}:latest`, imageId.slice("sha256:".length).slice(0, 12)];
    return (
      any(filters.values("ancestor"), (value) => image.includes(value)) &&
      any(filters.values("network"), (value) => networkNames(container, engine).includes(value)) &&
      any(filters.values("volume"), (value) => paths.includes(value)) &&
      any(exposed, (asked) => ports.some((port) => within(port.PrivatePort, port.Type, asked))) &&
      any(published, (asked) => ports.some((port) => within(port.PublicPort, port.Type, asked)))
    );
  };
}

interface AskedPorts extends PortRange {
  readonly protocol: string;
}

/** `80`, `80/udp` or `8000-8010/tcp`. */
function parsePortFilter(text: string): AskedPorts {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const first = Number(match?.[1] ?? 0);
  const last = Number(match?.[2] ?? first);
  if (match === null || last < first || last > 65535) {
    throw new EngineError("invalid-argument", `invalid filter port: ${JSON.stringify(text)}`);
  }
  return { first, last, protocol: (match[3] ?? "tcp").toLowerCase() };
}

function within(port: number | undefined, type: string, { first, last, protocol }: AskedPorts): boolean {
  return port !== undefined && type === protocol && port >= first && port <= last;
}

function networkNames(container: Container, engine: Engine): readonly string[] {
  const all = engine.containers.sandbox(container.id)?.endpoints ?? [];
  const joined = all.filter(({ automatic }) => automatic !== true);
  return [...Object.keys(container.spec.endpoints), ...joined.flatMap(({ network }) => [network.id, network.name])];
}

/** `before` and `since` name containers. */
function ageTests(filters: Filters, engine: Engine): Test {
  const created = (key: string): bigint | undefined => {
    const reference = filters.single(key);
    return reference === undefined ? undefined : engine.containers.find(reference).createdNs;
  };
  const before = created("before");
  const since = created("since");
  return ({ createdNs }) => (before === undefined || createdNs < before) && (since === undefined || createdNs > since);
}

function any<T>(asked: readonly T[], holds: (value: T) => boolean): boolean {
  return asked.length === 0 || asked.some(holds);
}

/** What a prune selects among stopped containers. */
export function pruneFilter(filters: Filters, nowNs: bigint): Test {
  const until = filters.single("until");
  const before = until === undefined ? undefined : parseUntil(until, nowNs);
  return ({ createdNs, spec }) =>
    (before === undefined || createdNs <= before) &&
    filters.labels("label", spec.labels) &&
    filters.withoutLabels("label!", spec.labels);
}
