/** An element as text, with its set: equal for equal elements, and quick, since every change makes some. */
import type { NftElement } from "../../kernel/nftables/ruleset.ts";
import type { PlacedElement } from "./render.ts";

export function elementId({ set, element }: PlacedElement): string {
  return `${set} ${hex(element.key)} ${hex(element.keyEnd)} ${dataText(element)}`;
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

function dataText({ data }: NftElement): string {
  if (data === undefined || data instanceof Uint8Array) return hex(data);
  return "chain" in data ? `${data.verdict} ${data.chain}` : data.verdict;
}
