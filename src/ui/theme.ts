// Colours and marks. Only plain terminal colours that read on dark and light; none at all under NO_COLOR.

export type Style = (text: string) => string;

export interface Theme {
  bold: Style;
  dim: Style;
  italic: Style;
  underline: Style;
  strike: Style;
  accent: Style;
  success: Style;
  warning: Style;
  error: Style;
  added: Style;
  removed: Style;
  code: Style;
  keyword: Style;
  string: Style;
  comment: Style;
  colored: boolean;
}

/** FORCE_COLOR decides first (`0` or `false` = none), then NO_COLOR, then the terminal's kind. */
export function wantsColor(environment: Record<string, string | undefined>): boolean {
  const forced = environment["FORCE_COLOR"];
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  const none = environment["NO_COLOR"];
  if (none !== undefined && none !== "") return false;
  return environment["TERM"] !== "dumb";
}

const plain: Style = (text) => text;

function style(open: number, close: number): Style {
  return (text) =>
    text === ""
      ? ""
      : text
          .split("\n")
          .map((line) => `\u001b[${open}m${line}\u001b[${close}m`)
          .join("\n");
}

/** `light` and `dark` choose colours with more contrast there; `auto` those that do on both. */
export function createTheme(colored: boolean, background: "auto" | "dark" | "light"): Theme {
  if (!colored) {
    return {
      bold: plain,
      dim: plain,
      italic: plain,
      underline: plain,
      strike: plain,
      accent: plain,
      success: plain,
      warning: plain,
      error: plain,
      added: plain,
      removed: plain,
      code: plain,
      keyword: plain,
      string: plain,
      comment: plain,
      colored,
    };
  }
  const foreground = (code: number): Style => style(code, 39);
  const accent = foreground(background === "light" ? 34 : 36);
  return {
    bold: style(1, 22),
    dim: style(2, 22),
    italic: style(3, 23),
    underline: style(4, 24),
    strike: style(9, 29),
    accent,
    success: foreground(32),
    warning: foreground(background === "dark" ? 33 : 35),
    error: foreground(31),
    added: foreground(32),
    removed: foreground(31),
    code: accent,
    keyword: foreground(35),
    string: foreground(32),
    comment: style(2, 22),
    colored,
  };
}
