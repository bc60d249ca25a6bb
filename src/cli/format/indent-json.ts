/** JSON text with line breaks and indentation, its tokens as they were: escapes and long numbers survive (Go's json.Indent). */

const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

export function indentJson(text: string, indent = "    "): string {
  const tokens = text.match(TOKENS) ?? [];
  let depth = 0;
  let result = "";
  const newLine = (): string => `\n${indent.repeat(depth)}`;
  tokens.forEach((token, index) => {
    const opened = /^[{[]$/.test(tokens[index - 1] ?? "");
    if (token === "}" || token === "]") {
      depth--;
      result += (opened ? "" : newLine()) + token;
      return;
    }
    if (opened) result += newLine();
    if (token === "{" || token === "[") depth++;
    result += token === ":" ? ": " : token === "," ? token + newLine() : token;
  });
  return result;
}
