/** Attaching to a container: what is refused is refused before the connection is taken over (moby `daemon/attach.go`). */
import { EngineError } from "../../base/errors.ts";
import type { Container } from "../../engine/container.ts";
import type { ApiContext } from "../api-context.ts";
import type { Query } from "../query.ts";
import { parseDetachKeys } from "./detach-keys.ts";
import { streamContentType } from "./framing.ts";
import { relay } from "./relay.ts";
import type { StreamSession } from "./session.ts";

export interface AttachRequest {
  /** Id, name or id prefix. */
  readonly reference: string;
  readonly query: Query;
  readonly minor: number;
}

/** Throws `not-found`, `conflict` while paused or restarting, `invalid-argument` for detach keys that are none. */
export async function openAttach({ engine, log }: ApiContext, request: AttachRequest): Promise<StreamSession> {
  const { query } = request;
  const detachKeys = parseDetachKeys(query.text("detachKeys"));
  const container = engine.containers.find(request.reference);
  refuseState(container);
  const streams = await engine.containers.attach(container.id, {
    stdin: query.flag("stdin"),
    stdout: query.flag("stdout"),
    stderr: query.flag("stderr"),
    logs: query.flag("logs"),
    stream: query.flag("stream"),
  });
  return {
    contentType: streamContentType(container.spec.tty, request.minor),
    async serve(client) {
      const result = await relay(client, streams, { detachKeys, endsStdin: container.spec.stdinOnce });
      if (result !== "detached") return;
      log.debug({ container: container.id }, "client detached");
      engine.events.emit({
        type: "container",
        action: "detach",
        actorId: container.id,
        attributes: actorOf(container),
      });
    },
  };
}

function refuseState(container: Container): void {
  if (container.state.status === "paused") {
    const mend = "unpause the container before attach";
    throw new EngineError("conflict", `container ${container.id} is paused, ${mend}`);
  }
  if (container.state.status === "restarting") {
    throw new EngineError("conflict", `container ${container.id} is restarting, wait until the container is running`);
  }
}

/** The attributes that Docker gives every event of a container. */
function actorOf(container: Container): Readonly<Record<string, string>> {
  return { ...container.spec.labels, image: container.spec.image, name: container.name };
}
