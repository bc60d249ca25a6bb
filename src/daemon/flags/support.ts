/** What is said about flags that we know and do not act on: a warning each, or a refusal where silence would be unsafe. */
import { EngineError } from "../../base/errors.ts";
import type { Json } from "../../store/store.ts";
import type { Flag } from "./flag.ts";
import type { Settings } from "./settings.ts";
import { FLAGS } from "./table.ts";

/** One sentence per flag that was given and has no effect. Throws `invalid-argument` for those that must not be ignored. */
export function supportNotes(settings: Settings): readonly string[] {
  const given = FLAGS.filter((flag) => settings.isSet(flag.name) && !isHarmless(flag, settings.value(flag.name)));
  const unsafe = given.filter((flag) => flag.support === "unsafe");
  if (unsafe.length > 0) {
    const names = unsafe.map((flag) => `--${flag.name}`).join(", ");
    throw new EngineError(
      "invalid-argument",
      `${names}: not implemented, and containers would be less protected than asked for; remove it to start without`,
    );
  }
  return given.flatMap((flag) => {
    if (flag.support === "later") return [`--${flag.name} is not implemented yet and has no effect`];
    return flag.support === "ignored" ? [`--${flag.name} is accepted for dockerd's sake and has no effect here`] : [];
  });
}

function isHarmless(flag: Flag, value: Json | undefined): boolean {
  const text = JSON.stringify(value);
  return flag.harmless?.some((one) => JSON.stringify(one) === text) ?? false;
}
