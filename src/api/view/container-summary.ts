/** A container as `GET /containers/json` lists it (Docker API v1.51, `container.Summary`). */
import { networkModeText } from "./network-mode.ts";
import { networksView, type EndpointsSource } from "./endpoint.ts";
import { mountView } from "./mount.ts";
import { portSummaries } from "./ports.ts";
import { stateWord, statusText } from "./container-state.ts";

export function containerSummary(source: EndpointsSource & { readonly nowNs: bigint }) {
  const { container, nowNs } = source;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: container.spec.image,
    ImageID: container.imageId,
    Command: commandText(container.commandLine),
    Created: Number(container.createdNs / 1_000_000_000n),
    Ports: portSummaries(source),
    Labels: container.spec.labels,
    State: stateWord(container.state),
    Status: statusText(container.state, nowNs),
    HostConfig: { NetworkMode: networkModeText(container.spec.network) },
    NetworkSettings: { Networks: networksView(source) },
    Mounts: container.spec.mounts.map((mount) => mountView(mount)),
  };
}

/** Words with spaces are quoted, as dockerd does in this list. */
function commandText(words: readonly string[]): string {
  return words.map((word, index) => (index > 0 && word.includes(" ") ? `'${word}'` : word)).join(" ");
}
