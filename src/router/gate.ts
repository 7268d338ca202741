// The gate's closed rules: a message stays only if nothing in it asks for work. Unsure is never stay.

export interface GateRuleReading {
  decision: "stay" | "escalate" | "unsure";
  reason: string;
  /** Whether the gate's model may turn this into stay; false where rules forbid it. */
  mayStay: boolean;
}

const COMMAND = /^\/(?:status|help|new|reset|verbose|usage)(?:\s+(?:on|off))?$/i;

export function decideGate(message: string): GateRuleReading {
  const text = message.trim();
  if (text === "") return { decision: "escalate", reason: "empty message", mayStay: false };
  if (COMMAND.test(text)) return { decision: "stay", reason: "a basic command", mayStay: true };
  if (/^(?:hi|hello|hey|thanks|thank you)[\s!.]*$/i.test(text)) return { decision: "stay", reason: "small talk", mayStay: true };
  return { decision: "escalate", reason: "rules do not know it as small talk", mayStay: false };
}
