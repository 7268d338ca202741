// What drawing needs beyond the state: theme, Markdown and highlighting, the latter two loaded when first wanted.

import type { DrawContext } from "./components/draw.ts";
import type { RenderMarkdown } from "./markdown.ts";
import { createTheme, type Theme } from "./theme.ts";

type HighlightCode = (code: string, language: string, theme: Theme) => string[] | null;

export interface Drawing {
  context(columns: number): DrawContext;
  setBackground(background: "auto" | "dark" | "light"): void;
  /** Loads the Markdown code once. */
  loadMarkdown(): Promise<void>;
}

/** `changed` is called when something was loaded that makes the live area look different. */
export function createDrawing(colored: boolean, changed: () => void): Drawing {
  let theme = createTheme(colored, "auto");
  let markdown: RenderMarkdown | null = null;
  let loading: Promise<void> | null = null;
  let highlightCode: HighlightCode | null = null;
  let highlightAsked = false;
  const highlight = (code: string, language: string): string[] | null => {
    if (highlightCode !== null) return highlightCode(code, language, theme);
    if (!highlightAsked && colored) {
      highlightAsked = true;
      void import("./highlight.ts").then((loaded) => {
        highlightCode = loaded.highlightCode;
        changed();
      });
    }
    return null;
  };
  return {
    // The last column stays free: terminals differ in what erasing to the end of a full line does.
    context: (columns) => ({ columns: Math.max(1, columns - 1), theme, markdown, highlight }),
    setBackground(background) {
      theme = createTheme(colored, background);
    },
    loadMarkdown() {
      loading ??= import("./markdown.ts").then((loaded) => {
        markdown = loaded.renderMarkdown;
        changed();
      });
      return loading;
    },
  };
}
