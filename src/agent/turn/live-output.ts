// Shows the output of a command while it runs, freed of control characters and of the values of keys in use. Keeps
// nothing.

import { sanitizeText } from "../../util/sanitize.ts";
import type { AgentContext } from "../context.ts";

export interface LiveOutput {
  push(text: string): void;
  /** Shows what was held back because it might have been the beginning of a key. */
  end(): void;
}

export function createLiveOutput({ ports, emit }: AgentContext, callId: string): LiveOutput {
  const clean = ports.redaction.stream();
  const show = (text: string): void => {
    if (text !== "") emit({ type: "tool_delta", callId, text });
  };
  return { push: (text) => show(clean.push(sanitizeText(text))), end: () => show(clean.end()) };
}
