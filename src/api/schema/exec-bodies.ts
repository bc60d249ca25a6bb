/** Bodies of `/exec*` and of `POST /containers/{id}/exec` (Docker API v1.51). */
import { bool, integer, list, struct, text, words, type Decoded } from "./decoder.ts";

export const ExecCreateBody = struct("ExecOptions", {
  User: text,
  Privileged: bool,
  Tty: bool,
  ConsoleSize: list(integer("int")),
  AttachStdin: bool,
  AttachStderr: bool,
  AttachStdout: bool,
  DetachKeys: text,
  Env: list(text),
  WorkingDir: text,
  Cmd: words,
});

export const ExecStartBody = struct("ExecStartOptions", { Detach: bool, Tty: bool, ConsoleSize: list(integer("int")) });

export type ExecCreateRequest = Decoded<typeof ExecCreateBody>;
export type ExecStartRequest = Decoded<typeof ExecStartBody>;
