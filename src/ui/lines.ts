// Finished lines as one Ink text node whose size is given, so that Ink neither measures nor wraps nor caches them.

import { createElement, type FunctionComponent, type ReactElement } from "react";
import { drawable, width } from "./text.ts";

interface TextNodeProps {
  style: { width: number; height: number; flexShrink: number; textWrap: "truncate" };
  children: string;
}

// Ink's own text component cannot be given a size; the host element below it can.
const TextNode = "ink-text" as unknown as FunctionComponent<TextNodeProps>;

/** The node is as wide as its longest line, because Ink pays for every cell. */
export function Lines({ lines: drawn }: { lines: readonly string[] }): ReactElement | null {
  if (drawn.length === 0) return null;
  const lines = drawn.map(drawable);
  const longest = lines.reduce((most, line) => Math.max(most, width(line)), 1);
  return createElement(TextNode, {
    style: { width: longest, height: lines.length, flexShrink: 0, textWrap: "truncate" },
    children: lines.join("\n"),
  });
}
