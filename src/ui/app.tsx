// Layout only: the finished transcript above, the live area below. What stands where is decided in frame.ts.

import { Static, useCursor } from "ink";
import { useInsertionEffect, useLayoutEffect, useMemo, type ReactElement } from "react";
import type { CommandDefinition } from "../types/command.ts";
import { drawBlock } from "./components/items.ts";
import type { Drawing } from "./drawing.ts";
import { composeFrame } from "./frame.ts";
import { Lines } from "./lines.ts";
import type { Store } from "./store.ts";
import type { TerminalOutput } from "./terminal.ts";
import { useAgent } from "./use-agent.ts";

export interface AppProps {
  store: Store;
  commands: readonly CommandDefinition[];
  drawing: Drawing;
  output: TerminalOutput;
  /** Blocks that were printed before this mounting. */
  base: number;
}

export function App({ store, commands, drawing, output, base }: AppProps): ReactElement {
  const state = useAgent(store);
  const { setCursorPosition } = useCursor();
  const { outbox, printed } = state.transcript;
  const context = drawing.context(state.columns);
  const frame = composeFrame(state, commands, context);
  setCursorPosition(frame.cursor ?? undefined);
  // Ink draws at the end of React's mutation phase: before layout effects, after insertion effects.
  useInsertionEffect(() => {
    output.setFrame(frame);
  });
  // Ink prints the items it has not seen yet; only their number matters, so printed blocks need not be kept.
  // Not all at once where there are many: Ink lays out what it prints as one picture.
  const batch = Math.min(outbox.length, Math.max(20, Math.ceil(outbox.length / 30)));
  const count = printed - base + batch;
  const items = useMemo(() => Array.from({ length: count }, (_, index) => index), [count]);
  useLayoutEffect(() => {
    if (batch > 0) store.dispatch({ type: "printed", count: batch });
  });
  return (
    <>
      <Static items={items}>
        {(index) => {
          const entry = outbox[index + base - printed];
          return entry === undefined ? null : <Lines key={index} lines={drawBlock(entry.block, entry.gap, context)} />;
        }}
      </Static>
      <Lines lines={frame.lines} />
    </>
  );
}
