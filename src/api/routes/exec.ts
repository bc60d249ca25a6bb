/** `/containers/{id}/exec` and `/exec*` (Docker API v1.51); starts that ask for an upgrade are served by `stream/upgrade.ts`. */
import { Readable } from "node:stream";
import { EngineError } from "../../base/errors.ts";
import type { Exec, ExecSpec } from "../../engine/engine.ts";
import type { ApiApp, ById } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { Query } from "../query.ts";
import { ExecCreateBody, ExecStartBody, type ExecCreateRequest, type ExecStartRequest } from "../schema/exec-bodies.ts";
import { parseDetachKeys } from "../stream/detach-keys.ts";
import { openExec, startDetached } from "../stream/open-exec.ts";
import { servePlain } from "./attach.ts";
import { terminalSize } from "./container-lifecycle.ts";

export function execRoutes(app: ApiApp, context: ApiContext): void {
  const { execs } = context.engine;
  app.post<ById & { Body: ExecCreateRequest }>(
    "/containers/:id/exec",
    { schema: { body: ExecCreateBody } },
    async (request, reply) => {
      const id = await execs.create(request.params.id, execSpec(request.body));
      return reply.code(201).send({ Id: id });
    },
  );
  app.post<ById & { Body: ExecStartRequest }>(
    "/exec/:id/start",
    { schema: { body: ExecStartBody } },
    async (request, reply) => {
      const exec = { id: execs.find(request.params.id).id, start: request.body, minor: request.apiMinor };
      if (request.body.Detach === true) {
        await startDetached(context, exec);
        return reply.code(200).send();
      }
      const session = openExec(context, exec);
      return servePlain(context, { reply, session, input: Readable.from([]) });
    },
  );
  app.post<ById>("/exec/:id/resize", async (request, reply) => {
    await execs.resize(request.params.id, terminalSize(new Query(request.url)));
    return reply.code(200).send();
  });
  app.get<ById>("/exec/:id/json", (request) => execView(execs.find(request.params.id)));
}

function execSpec(request: ExecCreateRequest): ExecSpec {
  const { Cmd = [], WorkingDir = "", User = "", DetachKeys = "" } = request;
  if (Cmd.length === 0) throw new EngineError("invalid-argument", "No exec command specified");
  parseDetachKeys(DetachKeys);
  return {
    command: Cmd,
    tty: request.Tty ?? false,
    attachStdin: request.AttachStdin ?? false,
    attachStdout: request.AttachStdout ?? false,
    attachStderr: request.AttachStderr ?? false,
    environment: request.Env ?? [],
    privileged: request.Privileged ?? false,
    ...(WorkingDir === "" ? {} : { workingDirectory: WorkingDir }),
    ...(User === "" ? {} : { user: User }),
    ...(DetachKeys === "" ? {} : { detachKeys: DetachKeys }),
  };
}

function execView(exec: Exec) {
  const { spec, state } = exec;
  const [entrypoint = "", ...args] = spec.command;
  return {
    ID: exec.id,
    Running: state.status === "running",
    ExitCode: state.status === "exited" ? state.exitCode : null,
    ProcessConfig: {
      tty: spec.tty,
      entrypoint,
      arguments: args,
      privileged: spec.privileged,
      ...(spec.user === undefined ? {} : { user: spec.user }),
    },
    OpenStdin: spec.attachStdin,
    OpenStderr: spec.attachStderr,
    OpenStdout: spec.attachStdout,
    CanRemove: state.status === "exited",
    ContainerID: exec.containerId,
    DetachKeys: spec.detachKeys ?? "",
    Pid: state.status === "running" ? state.pid : 0,
  };
}
