/**
 * The keys that detach a terminal from its container without ending it (ctrl-p ctrl-q, or `detachKeys`). Keys that may begin
 * the sequence are held back until it is clear that they do not, as dockerd does (moby `term` proxy).
 */
import { Transform } from "node:stream";
import { EngineError } from "../../base/errors.ts";

const DEFAULT_KEYS = "ctrl-p,ctrl-q";
const CONTROL = "@abcdefghijklmnopqrstuvwxyz[\\]^_";

/** "ctrl-p,ctrl-q" or "a,b" as bytes; empty is the default. Throws `invalid-argument`. */
export function parseDetachKeys(text: string): Buffer {
  const keys = (text === "" ? DEFAULT_KEYS : text).split(",").map(keyCode);
  if (keys.every((code) => code !== undefined)) return Buffer.from(keys);
  throw new EngineError("invalid-argument", `Invalid detach keys (${text}) provided`);
}

function keyCode(key: string): number | undefined {
  if (key.length === 1 && key.charCodeAt(0) < 128) return key.charCodeAt(0);
  const control = /^ctrl-(.)$/i.exec(key)?.[1]?.toLowerCase();
  const code = control === undefined ? -1 : CONTROL.indexOf(control);
  return code < 0 ? undefined : code;
}

/** Passes input through; when the sequence was typed it calls `onDetach` and swallows all that follows. */
export function detachFilter(keys: Buffer, onDetach: () => void): Transform {
  let matched = 0;
  let detached = false;
  const scan = (chunk: Buffer): Buffer => {
    const passed: number[] = [];
    for (const byte of chunk) {
      if (byte !== keys[matched] && matched > 0) {
        passed.push(...keys.subarray(0, matched));
        matched = 0;
      }
      if (byte === keys[matched]) matched++;
      else passed.push(byte);
      if (matched === keys.length) return Buffer.from(passed);
    }
    return Buffer.from(passed);
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (detached) return done();
      const passed = scan(chunk);
      if (passed.length > 0) this.push(passed);
      if (matched === keys.length) {
        detached = true;
        onDetach();
      }
      done();
    },
  });
}
