// Finished lines as one Ink text node whose size is given, so that Ink neither measures nor wraps nor caches them.

import { createElement, type FunctionComponent, type ReactElement } from "react";
import { width } from "./text.ts";

interface TextNodeProps {
  style: { width: number; height: number; flexShrink: number; textWrap: "truncate" };
  children: string;
}

// Ink's own text component cannot be given a size; the host element below it can.
const TextNode = "ink-text" as unknown as FunctionComponent<TextNodeProps>;

/** The node is as wide as its longest line, because Ink pays for every cell. */
export function Lines({ lines }: { lines: readonly string[] }): ReactElement | null {
  if (lines.length === 0) return null;
  const longest = lines.reduce((most, line) => Math.max(most, width(line)), 1);
  return createElement(TextNode, { style: { width: longest, height: lines.length, flexShrink: 0, textWrap: "truncate" }, children: lines.join("\n") });
}
