/** The user's terminal: raw mode while a container's terminal is attached, its size, and docker's keys for detaching. */
import { spawnSync } from "node:child_process";
import { ReadStream, WriteStream } from "node:tty";
import { Transform, type Readable, type Writable } from "node:stream";

/** Whether the stream is a terminal. */
export function isTerminal(stream: Readable | Writable): boolean {
  return (stream instanceof ReadStream || stream instanceof WriteStream) && stream.isTTY;
}

/**
 * Keys go to the container as they are typed, ctrl-c included, and what it writes is shown as it is. Returns how to end that;
 * safe to call twice. Node's raw mode still turns each line's end into two characters, which the container's terminal has
 * done already; leaving it takes that back too. Equivalent to: `stty raw -echo`
 */
export function enterRawMode(stdin: Readable): () => void {
  if (!(stdin instanceof ReadStream)) return () => undefined;
  stdin.setRawMode(true);
  spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
  return () => void stdin.setRawMode(false);
}

/** Rows and columns; empty for what is no terminal. */
export function sizeOf(stdout: Writable): readonly number[] {
  return stdout instanceof WriteStream ? [stdout.rows, stdout.columns] : [];
}

/** Reports the size now and whenever it changes, until the returned function is called. */
export function watchSize(stdout: Writable, report: (rows: number, columns: number) => void): () => void {
  if (!(stdout instanceof WriteStream)) return () => undefined;
  const send = (): void => report(stdout.rows, stdout.columns);
  stdout.on("resize", send);
  send();
  return () => void stdout.off("resize", send);
}

/** ctrl-p ctrl-q, unless told otherwise in docker's words: `ctrl-x,q`. Undefined for what is no sequence. */
export function parseDetachKeys(text = "ctrl-p,ctrl-q"): readonly number[] | undefined {
  const keys = (text === "" ? "ctrl-p,ctrl-q" : text).split(",").map((key) => {
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
    return key.length === 1 ? key.charCodeAt(0) : undefined;
  });
  return keys.every((key) => key !== undefined) ? keys : undefined;
}

/** Passes input on, and calls `detach` instead when the keys were typed one after the other. */
export function detachFilter(keys: readonly number[], detach: () => void): Transform {
  let matched = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const out: number[] = [];
      for (const byte of chunk) {
        if (byte === keys[matched]) {
          matched++;
          if (matched < keys.length) continue;
          detach();
          done(null, Buffer.from(out));
          return;
        }
        out.push(...keys.slice(0, matched));
        matched = byte === keys[0] ? 1 : 0;
        if (matched === 0) out.push(byte);
      }
      done(null, Buffer.from(out));
    },
  });
}
