/** A spreadsheet takes a cell that begins so for a formula and runs it; behind an apostrophe it is text. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/** One record of RFC 4180 with its line end. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
