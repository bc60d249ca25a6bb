/** A stream of JSON values, one behind the other, as `/events` sends them; each ends at a line's end. */
import type { Json } from "../../store/store.ts";

export async function* readJsonLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Json> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of source) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.trim() === "") continue;
      const json: Json = JSON.parse(line);
      yield json;
    }
  }
}
