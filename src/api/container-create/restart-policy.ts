/** `--restart` of a create request, with dockerd's sentences (moby `api/types/container/hostconfig.go`). */
import { EngineError } from "../../base/errors.ts";
import type { ContainerSpec } from "../../engine/container-spec.ts";
import type { HostConfigRequest } from "../schema/container-bodies.ts";

const POLICIES = ["no", "always", "on-failure", "unless-stopped"] as const;

/** Throws `invalid-argument`. */
export function parseRestartPolicy(host: HostConfigRequest): ContainerSpec["restartPolicy"] {
  const { Name = "", MaximumRetryCount: retries = 0 } = host.RestartPolicy ?? {};
  const name = POLICIES.find((policy) => policy === (Name === "" ? "no" : Name));
  if (name === undefined) {
    const choice = "use one of 'no', 'always', 'on-failure', or 'unless-stopped'";
    throw refuse(`invalid restart policy: unknown policy '${Name}'; ${choice}`);
  }
  if (name !== "on-failure" && retries !== 0) {
    throw refuse("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
  if (retries < 0) throw refuse("invalid restart policy: maximum retry count cannot be negative");
  if (host.AutoRemove === true && name !== "no")
    throw refuse("can't create 'AutoRemove' container with restart policy");
  return { name, maximumRetries: retries };
}

function refuse(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
