/**
 * The daemon's log: pino behind the narrow `Log`, written to standard error as dockerd writes its own, so that whatever reads
 * dockerd's log reads ours: logfmt lines (`time="..." level=info msg="..."`), or JSON with the same names.
 */
import { writeSync } from "node:fs";
import { pino } from "pino";
import type { Log } from "../base/log.ts";
import type { DaemonConfig, LogLevel } from "./config.ts";

export interface DaemonLog extends Log {
  /** Takes effect at once. */
  setLevel(level: LogLevel): void;
}

const STDERR = 2;

/** `write` receives whole lines; standard error unless given. */
export function createLog(config: DaemonConfig["log"], write = writeStderr): DaemonLog {
  const logger = pino(
    {
      level: config.level,
      base: null,
      messageKey: "msg",
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: config.format === "json" ? write : (line: string) => write(formatLine(line)) },
  );
  return {
    debug: (fields, message) => logger.debug(printable(fields), message),
    info: (fields, message) => logger.info(printable(fields), message),
    warn: (fields, message) => logger.warn(printable(fields), message),
    error: (fields, message) => logger.error({ ...printable(fields), ...stackOf(fields) }, message),
    setLevel: (level) => (logger.level = level),
  };
}

/** Errors as their messages: JSON would print them as empty objects. */
function printable(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]: [string, unknown]) => [
      key,
      value instanceof Error ? value.message : value,
    ]),
  );
}

/** Where the first cause of a logged error was thrown: what a bug report needs. */
function stackOf(fields: object): { readonly stack?: string } {
  let error: unknown = Object.values(fields).find((value) => value instanceof Error);
  while (error instanceof Error && error.cause instanceof Error) error = error.cause;
  return error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {};
}

/** A JSON line as a logfmt line. */
export function formatLine(json: string): string {
  const fields: Readonly<Record<string, unknown>> = JSON.parse(json);
  const { time, level, msg, ...others } = fields;
  const name = level === "warn" ? "warning" : String(level);
  const rest = Object.entries(others).map(([key, value]) => ` ${key}=${quoted(value)}`);
  return `time=${quoted(time)} level=${name} msg=${quoted(msg)}${rest.join("")}\n`;
}

/** Quoted where a bare word would be ambiguous. */
function quoted(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return /^[\w./:@^+-]+$/.test(text) && !/^\d{4}-/.test(text) ? text : JSON.stringify(text);
}

function writeStderr(line: string): void {
  try {
    writeSync(STDERR, line);
  } catch {
    // Whoever read the log is gone, or is slower than the pipe is large: the daemon does not stop for its log.
  }
}
