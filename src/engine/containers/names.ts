/** Container names: Docker's rule for given ones, an adjective and a network pioneer's surname for the rest. */
import { randomInt } from "node:crypto";
import { EngineError } from "../../base/errors.ts";

const ADJECTIVES = (
  "able agile amber ample apt bold brave breezy bright brisk calm candid civil clear clever cosy crisp curious deft eager " +
  "earnest fair fleet fluent fond frank gentle glad golden hardy humble jolly keen kind lively lucid mellow merry mild " +
  "modest nimble noble patient plucky polite prime proud quick quiet ready robust serene sharp silent sleek smooth snug " +
  "solid spry steady stout sunny swift tidy tranquil trusty upbeat valiant vivid warm wise witty zesty"
).split(" ");

const SURNAMES = (
  "abbate baran bellovin berners bishop boggs cailliau cerf clark cohen corbato crocker crowther davies deering eddy " +
  "engelbart estrin feinler floyd gerich heart herzfeld hopper jacobson jennings kahn kirstein kleinrock lamarr lampson " +
  "licklider lovelace metcalfe mills mockapetris moy ornstein paxson perlman plummer postel pouzin rekhter reynolds " +
  "roberts saltzer scantlebury schulzrinne shannon sutherland taylor thacker tomlinson torvalds walden zhang zimmermann"
).split(" ");

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** The name without a leading slash. Throws `invalid-argument` with Docker's sentence. */
export function validateName(name: string): string {
  const plain = name.startsWith("/") ? name.slice(1) : name;
  if (NAME.test(plain)) return plain;
  const text = `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`;
  throw new EngineError("invalid-argument", text);
}

/** A name that `taken` does not know; a digit is added when all tries meet a taken one. */
export function randomName(taken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const suffix = attempt < 6 ? "" : String(randomInt(10 ** Math.min(attempt - 5, 9)));
    const name = `${pick(ADJECTIVES)}_${pick(SURNAMES)}${suffix}`;
    if (!taken(name)) return name;
  }
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? "plain";
}
