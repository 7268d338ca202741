// Finished lines as one Ink text node whose size is given, so that Ink neither measures nor wraps nor caches them.

import { createElement, type FunctionComponent, type ReactElement } from "react";

interface TextNodeProps {
  style: { width: number; height: number; flexShrink: number; textWrap: "truncate" };
  children: string;
}

// Ink's own text component cannot be given a size; the host element below it can.
const TextNode = "ink-text" as unknown as FunctionComponent<TextNodeProps>;

export function Lines({ lines, columns }: { lines: readonly string[]; columns: number }): ReactElement | null {
  if (lines.length === 0) return null;
  return createElement(TextNode, { style: { width: columns, height: lines.length, flexShrink: 0, textWrap: "truncate" }, children: lines.join("\n") });
}
