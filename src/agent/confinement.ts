// Says once, where a command runs or is refused, that no sandbox holds it.

import type { AgentParts } from "./parts.ts";

export function sayConfinement({ confinement, emit }: Pick<AgentParts, "confinement" | "emit">): void {
  const text = confinement?.notice() ?? null;
  if (text !== null) emit({ type: "notice", level: "warning", text });
}
