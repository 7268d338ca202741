// Notices a model that repeats itself: the same call with the same result, or two that alternate.

import { canonicalJson, sha256 } from "../../util/canonical-json.ts";
import type { ToolCallBlock } from "../../types/message.ts";
import type { ToolOutput } from "../../types/tool.ts";

const REPEATS = 3;

export type LoopVerdict = "fine" | "warn" | "stop";

export interface LoopDetector {
  /** `warn` once at the first detection, `stop` at the second. */
  observe(call: ToolCallBlock, output: ToolOutput): LoopVerdict;
}

export function createLoopDetector(): LoopDetector {
  let recent: string[] = [];
  let warned = false;
  return {
    observe(call, output) {
      recent.push(sha256(canonicalJson([call.name, call.input, output.isError, output.content])));
      if (recent.length > REPEATS * 2) recent = recent.slice(-REPEATS * 2);
      const last = recent.slice(-REPEATS);
      const same = last.length === REPEATS && last.every((one) => one === last[0]);
      const alternating = recent.length === REPEATS * 2 && recent.every((one, index) => one === recent[index % 2]);
      if (!same && !alternating) return "fine";
      recent = [];
      if (warned) return "stop";
      warned = true;
      return "warn";
    },
  };
}
