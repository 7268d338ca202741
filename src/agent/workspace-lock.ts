// Keeps other runs from writing in the workspace, and says whom a run waits for.

import type { AgentContext } from "./context.ts";

/** Waits for other runs in this workspace. Returns what gives the lock back. @throws BmoError locked. */
export function lockWorkspace({ ports, emit }: AgentContext, signal: AbortSignal): Promise<() => void> {
  return ports.guard.lockExecution(signal, ({ pid, session }) =>
    emit({
      type: "notice",
      level: "info",
      text: `waiting for another run in this workspace: process ${pid}, session ${session}`,
    }),
  );
}
