// What each kind of source may set. The strictest wins: a project may choose models and tighten, never loosen what
// protects the user.

export type LayerKind = "default" | "preset" | "user" | "project" | "environment" | "flag";

/** `user_only`: never from there, whatever is trusted. `untrusted`: only after the directory was trusted. */
export type Ruling = { allowed: true } | { allowed: false; because: "user_only" | "untrusted" };

const ALLOWED: Ruling = { allowed: true };
const USER_ONLY: Ruling = { allowed: false, because: "user_only" };
const UNTRUSTED: Ruling = { allowed: false, because: "untrusted" };

/** Loosest first. */
const STRICTNESS: Record<string, readonly unknown[]> = {
  "options.containment.mode": ["off", "warn", "enforce"],
  "options.fallback.policy": ["allow", "ask", "fail"],
  "options.staged_workflow.enabled": [false, true],
  "options.staged_workflow.require_approval_before_execute": [false, true],
  "options.phase_model.strict": [false, true],
  "permissions.mode": ["bypassPermissions", "acceptEdits", "default", "plan"],
};

const CHOOSES_MODELS = [
  "model",
  "preset",
  "options.phase_model.planning_model",
  "options.phase_model.execution_model",
  "options.roles.",
  "options.model_router.balanced_model",
  "options.model_router.smart_model",
  "options.model_router.coding_model",
  "options.model_router.deep_model",
  "options.model_router.routing_model",
  "options.model_router.dynamic_tier_enabled",
  "options.phase_router.",
  "options.gate.",
];

function loosens(key: string, value: unknown, current: unknown): boolean {
  const order = STRICTNESS[key];
  return order !== undefined && order.indexOf(value) < order.indexOf(current);
}

/** Smaller caps are stricter; 0 is no cap. */
function lowersBudget(value: unknown, current: unknown): boolean {
  return typeof value === "number" && typeof current === "number" && value > 0 && (current === 0 || value <= current);
}

/**
 * Whether an untrusted project may set the key: it chooses among the user's own models, or makes something stricter.
 */
function allowedUntrusted(key: string, value: unknown, current: unknown): boolean {
  if (CHOOSES_MODELS.some((allowed) => (allowed.endsWith(".") ? key.startsWith(allowed) : key === allowed)))
    return true;
  if (STRICTNESS[key] !== undefined) return !loosens(key, value, current);
  if (key === "permissions.deny") return true;
  if (key === "options.phase_model.max_replans")
    return typeof value === "number" && typeof current === "number" && value <= current;
  return key.startsWith("options.budget.") && lowersBudget(value, current);
}

/**
 * Rules on one value, given what the layers below make of the same key. A project is `--config`'s file too.
 * Nothing from a project or the environment may waive approval or loosen containment; no project may loosen the
 * permission mode.
 */
export function ruleOn(
  kind: LayerKind,
  trusted: boolean,
  { key, value, asking }: { key: string; value: unknown; asking: boolean },
  current: unknown,
): Ruling {
  if (kind === "default" || kind === "preset" || kind === "user") return ALLOWED;
  const waivesApproval =
    key === "options.staged_workflow.require_approval_before_execute" && value === false && current === true;
  if (waivesApproval) return USER_ONLY;
  if (kind === "flag") return ALLOWED;
  if (key === "options.containment.mode" && loosens(key, value, current)) return USER_ONLY;
  if (kind === "environment") return ALLOWED;
  if (key === "permissions.mode" && loosens(key, value, current)) return USER_ONLY;
  // What asks for variables would let the repository read the user's environment.
  return trusted || (!asking && allowedUntrusted(key, value, current)) ? ALLOWED : UNTRUSTED;
}
