// Says once, where a command runs or is refused, that no sandbox holds it.

import type { AgentContext } from "./context.ts";

export function sayConfinement({ ports, emit }: AgentContext): void {
  const text = ports.guard.confinement.notice();
  if (text !== null) emit({ type: "notice", level: "warning", text });
}
