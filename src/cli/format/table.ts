/**
 * Columns of text as Go's text/tabwriter aligns them for docker: cells end at tabs, a column is as wide as its widest cell plus
 * three, at least ten. A cell that no tab ends belongs to no column, so the last one of a line is never padded.
 */

const MINIMUM_WIDTH = 10;
const PADDING = 3;

/** `text` has lines with tabs between cells; what comes back has spaces. */
export function alignColumns(text: string): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const widths = lines.map(() => [] as number[]);
  setWidths(lines, widths, { column: 0, from: 0, to: lines.length });
  return lines.map((cells, row) => cells.map((cell, index) => pad(cell, widths[row]?.[index])).join("")).join("\n");
}

interface Block {
  readonly column: number;
  readonly from: number;
  readonly to: number;
}

/** A column block is a run of lines that all have a terminated cell in the column; the next column is cut within it. */
function setWidths(lines: readonly (readonly string[])[], widths: readonly number[][], block: Block): void {
  const { column } = block;
  const has = (row: number): boolean => row < block.to && (lines[row]?.length ?? 0) - 1 > column;
  for (let row = block.from; row < block.to; row++) {
    if (!has(row)) continue;
    const from = row;
    while (has(row)) row++;
    const cells = lines.slice(from, row).map((cells) => widthOf(cells[column] ?? ""));
    const width = Math.max(MINIMUM_WIDTH, ...cells.map((cell) => cell + PADDING));
    for (let line = from; line < row; line++) widths[line]?.push(width);
    setWidths(lines, widths, { column: column + 1, from, to: row });
  }
}

function pad(cell: string, width: number | undefined): string {
  return width === undefined ? cell : cell + " ".repeat(Math.max(0, width - widthOf(cell)));
}

/** tabwriter counts code points. */
function widthOf(cell: string): number {
  return Array.from(cell).length;
}
