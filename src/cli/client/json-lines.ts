/** A stream of JSON values, one behind the other, as `/events` sends them; each ends at a line's end. */
import { parseJson, type ApiJson } from "./json-text.ts";

export async function* readJsonLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<ApiJson> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of source) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.trim() !== "") yield parseJson(line);
    }
  }
}
