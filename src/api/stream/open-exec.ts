/**
 * Starting a process that `exec create` prepared. As in dockerd the connection is taken over first and the process started
 * then, so that a failure to start is told in the stream; its exit code is asked for afterwards.
 */
import { EngineError, messageOf } from "../../base/errors.ts";
import type { AttachedStreams, TerminalSize } from "../../engine/engine.ts";
import type { ApiContext } from "../api-context.ts";
import type { ExecStartRequest } from "../schema/exec-bodies.ts";
import { parseDetachKeys } from "./detach-keys.ts";
import { frame, streamContentType } from "./framing.ts";
import { closeGently, relay } from "./relay.ts";
import type { StreamSession } from "./session.ts";

export interface ExecRequest {
  readonly id: string;
  readonly start: ExecStartRequest;
  readonly minor: number;
}

/** Throws `not-found` and, for what ran already, `conflict`. */
export function openExec(context: ApiContext, request: ExecRequest): StreamSession {
  const { execs } = context.engine;
  const exec = execs.find(request.id);
  if (exec.state.status !== "created") {
    throw new EngineError("conflict", `exec command ${exec.id} is already ${exec.state.status}`);
  }
  const { tty, detachKeys = "" } = exec.spec;
  const keys = parseDetachKeys(detachKeys);
  return {
    contentType: streamContentType(tty, request.minor),
    async serve(client) {
      let streams: AttachedStreams | undefined;
      try {
        streams = await execs.start(exec.id, { detach: false, ...sizeOf(request.start) });
      } catch (error) {
        context.log.debug({ error, exec: exec.id }, "exec did not start");
        const bytes = Buffer.from(`${messageOf(error)}\r\n`);
        client.write(tty ? bytes : frame({ stream: "stdout", bytes }));
      }
      if (streams === undefined) closeGently(client);
      else await relay(client, streams, { detachKeys: keys, endsStdin: true });
    },
  };
}

/** Starts it with nobody attached. Throws what the start throws. */
export async function startDetached({ engine }: ApiContext, request: ExecRequest): Promise<void> {
  await engine.execs.start(request.id, { detach: true, ...sizeOf(request.start) });
}

/** `ConsoleSize` is height and width, in this order. */
function sizeOf(start: ExecStartRequest): { readonly size?: TerminalSize } {
  const [rows, columns] = start.ConsoleSize ?? [];
  return rows === undefined || columns === undefined ? {} : { size: { rows, columns } };
}
