// Markdown to lines for the terminal, by the tokens of marked's lexer. Text is cleaned where a token gives it up,
// because the lexer decodes what stood for a control character. Loaded with the first answer; must not load
// languages itself, colouring of code is handed in.

import { Lexer, type Token, type Tokens } from "marked";
import type { Theme } from "./theme.ts";
import { clean, cleanLine, clip, width, wrap, wrapIndented } from "./text.ts";

/** Coloured code lines, or null when the language is not known or not loaded. */
export type Highlight = (code: string, language: string) => string[] | null;

interface Context {
  theme: Theme;
  highlight: Highlight;
}

function inline(tokens: Token[] | undefined, context: Context): string {
  return (tokens ?? []).map((token) => inlineToken(token, context)).join("");
}

function inlineToken(token: Token, context: Context): string {
  const { theme } = context;
  switch (token.type) {
    case "strong":
      return theme.bold(inline(token.tokens, context));
    case "em":
      return theme.italic(inline(token.tokens, context));
    case "del":
      return theme.strike(inline(token.tokens, context));
    case "codespan":
      return theme.code(text(token));
    case "br":
      return "\n";
    case "link": {
      const label = inline(token.tokens, context);
      const address = addressOf(token);
      return address === "" || address === label || address === `mailto:${label}`
        ? theme.underline(label)
        : `${theme.underline(label)} ${theme.dim(`(${address})`)}`;
    }
    case "image": {
      const address = addressOf(token);
      return `${text(token)} ${theme.dim(`(${address})`)}`;
    }
    case "text":
      return "tokens" in token && token.tokens !== undefined && token.tokens.length > 0
        ? inline(token.tokens, context)
        : text(token);
    default:
      return text(token);
  }
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", nbsp: " " };

function decodeEntities(source: string): string {
  return source.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => ENTITIES[name] ?? "");
}

/** What a token says, decoded as far as it ever is, and clean: the one place where text of tokens comes from. */
function text(token: Token): string {
  const source = "text" in token && typeof token.text === "string" ? token.text : token.raw;
  return clean(token.type === "text" ? decodeEntities(source) : source);
}

function addressOf(token: Token): string {
  return "href" in token && typeof token.href === "string" ? cleanLine(token.href) : "";
}

function codeLines(token: Tokens.Code, columns: number, context: Context): string[] {
  const code = text(token);
  const language = (token.lang ?? "").trim().split(/[\s,{]/)[0] ?? "";
  const colored = language === "" ? null : context.highlight(code, language);
  const lines = colored ?? code.split("\n").map((line) => context.theme.code(line));
  return lines.flatMap((line) => wrapIndented(line, columns, "  ", "  "));
}

function listLines(token: Tokens.List, columns: number, context: Context): string[] {
  const start = typeof token.start === "number" ? token.start : 1;
  const markWidth = token.ordered ? String(start + token.items.length - 1).length + 2 : 2;
  return token.items.flatMap((item, index) => {
    const bullet = token.ordered ? `${start + index}.`.padEnd(markWidth) : "• ";
    const task = item.task ? (item.checked === true ? "[x] " : "[ ] ") : "";
    const children = item.tokens.filter((child) => child.type !== "checkbox");
    const lines = blockLines(children, Math.max(8, columns - markWidth), context, item.loose);
    const shown = lines.length === 0 ? [""] : lines;
    return [
      ...shown.map((line, row) => (row === 0 ? bullet + task : " ".repeat(markWidth)) + line),
      ...(item.loose && index < token.items.length - 1 ? [""] : []),
    ];
  });
}

function tableLines(token: Tokens.Table, columns: number, context: Context): string[] {
  const rows = [token.header, ...token.rows].map((row) =>
    row.map((cell) => inline(cell.tokens, context).replaceAll("\n", " ")),
  );
  const count = token.header.length;
  const natural = Array.from({ length: count }, (_, column) =>
    Math.max(1, ...rows.map((row) => width(row[column] ?? ""))),
  );
  const available = columns - 3 * (count - 1);
  // Columns below a fair share keep their width, the others divide what is left.
  const fair = Math.max(3, Math.floor(available / Math.max(1, count)));
  const narrow = natural.filter((size) => size <= fair);
  const share = Math.max(
    3,
    Math.floor((available - narrow.reduce((sum, size) => sum + size, 0)) / Math.max(1, count - narrow.length)),
  );
  const sizes =
    natural.reduce((sum, size) => sum + size, 0) <= available
      ? natural
      : natural.map((size) => (size <= fair ? size : Math.min(size, share)));
  const draw = (row: string[], style: (cell: string) => string): string[] => {
    const cells = sizes.map((size, column) => wrap(row[column] ?? "", size));
    const height = Math.max(...cells.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) =>
      clip(
        cells
          .map((lines, column) => {
            const cell = lines[line] ?? "";
            const padding = " ".repeat(Math.max(0, (sizes[column] ?? 0) - width(cell)));
            return token.align[column] === "right" ? padding + style(cell) : style(cell) + padding;
          })
          .join(context.theme.dim(" │ "))
          .trimEnd(),
        columns,
      ),
    );
  };
  const [header, ...body] = rows;
  const rule = context.theme.dim(clip(sizes.map((size) => "─".repeat(size)).join("─┼─"), columns));
  return [...draw(header ?? [], context.theme.bold), rule, ...body.flatMap((row) => draw(row, (cell) => cell))];
}

function tokenLines(token: Token, columns: number, context: Context): string[] {
  const { theme } = context;
  switch (token.type) {
    case "space":
    case "def":
      return [];
    case "heading":
      return wrap(inline(token.tokens, context), columns).map((line) =>
        theme.bold("depth" in token && token.depth === 1 ? theme.underline(line) : line),
      );
    case "code":
      return codeLines(token as Tokens.Code, columns, context);
    case "list":
      return listLines(token as Tokens.List, columns, context);
    case "table":
      return tableLines(token as Tokens.Table, columns, context);
    case "blockquote":
      return blockLines(token.tokens ?? [], Math.max(8, columns - 2), context, true).map(
        (line) => theme.dim("│ ") + line,
      );
    case "hr":
      return [theme.dim("─".repeat(Math.min(columns, 40)))];
    case "paragraph":
      return wrap(inline(token.tokens, context), columns);
    case "text":
      return wrap(inlineToken(token, context), columns);
    default:
      return wrap(clean(token.raw).trimEnd(), columns);
  }
}

function blockLines(tokens: Token[], columns: number, context: Context, spaced: boolean): string[] {
  const lines: string[] = [];
  for (const token of tokens) {
    const drawn = tokenLines(token, columns, context);
    if (drawn.length === 0) continue;
    if (lines.length > 0 && spaced) lines.push("");
    lines.push(...drawn);
  }
  return lines;
}

/** Longer texts are shown as they stand: a reply of 40,000 characters in one piece is none that anybody wrote. */
const LONGEST_SOURCE = 40_000;
/** Marks that may open or close something, in one paragraph. The lexer looks at each together with all before it. */
const MOST_MARKS = 1_000;

/** Whether lexing takes a time that nobody notices. */
function isTame(source: string): boolean {
  return (
    source.length <= LONGEST_SOURCE &&
    source.split(/\n[ \t]*\n/).every((paragraph) => (paragraph.match(/[*_~`[\]<!@.&\\]/g) ?? []).length <= MOST_MARKS)
  );
}

/** Foreign Markdown as lines of at most `columns`. What cannot be parsed is shown as it stands. */
export function renderMarkdown(source: string, columns: number, theme: Theme, highlight: Highlight): string[] {
  const cleaned = clean(source);
  if (!isTame(cleaned)) return wrap(cleaned, columns);
  try {
    return blockLines(new Lexer({ gfm: true }).lex(cleaned), columns, { theme, highlight }, true);
  } catch (thrown) {
    // Nesting made to exhaust the stack.
    if (!(thrown instanceof RangeError)) throw thrown;
    return wrap(cleaned, columns);
  }
}

export type RenderMarkdown = typeof renderMarkdown;
