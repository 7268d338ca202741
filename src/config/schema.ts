// What a configuration layer may hold, with types checked against Settings at compile time. Says what is allowed;
// reports nothing itself.

import * as z from "zod/mini";
import { PHASES, REASONING_LEVELS } from "../types/provider.ts";
import { TIERS } from "../types/route.ts";
import type { Settings } from "../types/settings.ts";
import type { Stage } from "../types/plan.ts";

export type Schema = z.core.$ZodType;
type DeepPartial<Value> = Value extends readonly unknown[]
  ? Value
  : Value extends object
    ? { [Key in keyof Value]?: DeepPartial<Value[Key]> }
    : Value;

const descriptions = new WeakMap<Schema, string>();

function described<Kind extends Schema>(schema: Kind, description: string): Kind {
  descriptions.set(schema, description);
  return schema;
}

/** A table whose keys are those of `Target`: a key missing here does not compile. */
type Shape<Target> = { [Key in keyof Target]-?: Schema };
const table =
  <Target>() =>
  <Given extends Shape<Target>>(shape: Given & { [Key in Exclude<keyof Given, keyof Target>]: never }) => {
    // By hand: `z.partial` would build two more objects for each table, at every start.
    const optional = Object.fromEntries(
      Object.entries<Schema>(shape).map(([key, schema]) => [key, z.optional(schema)]),
    );
    return z.strictObject(optional as { [Key in keyof Given]: z.ZodMiniOptional<Given[Key]> });
  };

const text = z.string();
const filled = described(z.string().check(z.minLength(1)), "a text that is not empty");
const flag = z.boolean();
const texts = described(z.array(z.string()), "a list of texts");
const usd = described(z.number().check(z.minimum(0)), "a number of US dollars, 0 or more");
const tokens = described(z.int().check(z.positive()), "a whole number above 0");
const count = described(z.int().check(z.minimum(0)), "a whole number, 0 or more");
const seconds = described(z.number().check(z.positive()), "a number of seconds above 0");
const score = described(z.number().check(z.minimum(0), z.maximum(100)), "a number from 0 to 100");
const model = described(z.nullable(z.string()), 'a model such as "anthropic/claude-sonnet-5-5", or "" for none');
const stageModel = described(
  z.nullable(z.string()),
  'a model such as "anthropic/claude-sonnet-5-5", "tier:<tier>", "role:capable", "role:fast", "auto", or "" for none',
);

const byPhase = <Value extends Schema>(value: Value) => {
  const optional = (): z.ZodMiniOptional<Value> => z.optional(value);
  return z.strictObject({
    plan: optional(),
    implement: optional(),
    debug: optional(),
    test: optional(),
    refactor: optional(),
    document: optional(),
    small_edit: optional(),
  } satisfies Record<(typeof PHASES)[number], unknown>);
};
const level = z.optional(z.enum(REASONING_LEVELS as readonly ["off", "low", "medium", "high"]));
const named = <Value extends Schema>(value: Value) => z.record(z.string(), value);

type Provider = Settings["providers"][string];
type Model = NonNullable<Provider["models"]>[number];
type Options = Settings["options"];

const price = table<NonNullable<Model["price"]>>()({ input: usd, output: usd, cache_read: usd, cache_write: usd });

const modelFields = {
  context_window: z.optional(tokens),
  max_output: z.optional(tokens),
  price: z.optional(price),
  tools: z.optional(flag),
  vision: z.optional(flag),
  reasoning: z.optional(flag),
  temperature: z.optional(flag),
  scores: z.optional(byPhase(score)),
  aliases: z.optional(texts),
  reasoning_style: z.optional(z.enum(["none", "effort", "budget", "toggle"])),
  reasoning_values: z.optional(texts),
  reasoning_can_be_off: z.optional(flag),
  long_context: z.optional(
    z.strictObject({
      above: tokens,
      input: z.optional(usd),
      output: z.optional(usd),
      cache_read: z.optional(usd),
      cache_write: z.optional(usd),
    } satisfies Shape<NonNullable<Model["long_context"]>>),
  ),
  cache_min_tokens: z.optional(count),
  cache_ttl_s: z.optional(seconds),
  retires: z.optional(described(z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}$/)), 'a date such as "2026-12-11"')),
  replaced_by: z.optional(filled),
};
const modelFacts = z.strictObject({ id: filled, ...modelFields } satisfies Shape<Model>);

const provider = table<Provider>()({
  type: z.enum(["anthropic", "openai", "openai-compatible", "script"]),
  api: z.enum(["responses", "chat"]),
  base_url: described(z.string().check(z.regex(/^https?:\/\/\S+$|\$\{/)), "an http:// or https:// address"),
  api_key: text,
  key_command: filled,
  headers: described(named(text), "a table of texts"),
  timeout_s: seconds,
  max_retries: count,
  file: filled,
  models: described(z.array(modelFacts), "a list of tables, each with an id"),
});

const options = table<Options>()({
  staged_workflow: table<Options["staged_workflow"]>()({ enabled: flag, require_approval_before_execute: flag }),
  phase_model: table<Options["phase_model"]>()({
    planning_model: stageModel,
    execution_model: stageModel,
    handoff: z.enum(["plan", "full"]),
    unit: z.enum(["plan", "ticket"]),
    strict: flag,
    max_replans: count,
  }),
  roles: table<Options["roles"]>()({ capable: model, fast: model }),
  model_router: table<Options["model_router"]>()({
    balanced_model: model,
    smart_model: model,
    coding_model: model,
    deep_model: model,
    routing_model: model,
    dynamic_tier_enabled: flag,
    temperature: described(z.number().check(z.minimum(0), z.maximum(2)), "a number from 0 to 2"),
  }),
  phase_router: table<Options["phase_router"]>()({
    enabled: flag,
    rank: z.enum(["expected-cost", "ratio"]),
    baseline_model: model,
    preferences: byPhase(texts),
    capability: named(byPhase(score)),
    floor: byPhase(score),
  }),
  gate: table<Options["gate"]>()({ enabled: flag, model }),
  reasoning: z.strictObject({
    plan: level,
    execute: level,
    chat: level,
    gate: level,
    balanced: level,
    coding: level,
    smart: level,
    deep: level,
  } satisfies Record<Stage | (typeof TIERS)[number], unknown>),
  containment: table<Options["containment"]>()({ mode: z.enum(["off", "warn", "enforce"]) }),
  fallback: table<Options["fallback"]>()({ policy: z.enum(["ask", "fail", "allow"]) }),
  budget: table<Options["budget"]>()({ session_usd: usd, plan_usd: usd, execute_usd: usd, turn_usd: usd }),
  shell: table<Options["shell"]>()({
    env: table<Options["shell"]["env"]>()({ add: described(named(text), "a table of texts"), remove: texts }),
    timeout_s: seconds,
  }),
  ui: table<Options["ui"]>()({ theme: z.enum(["auto", "dark", "light"]), verbose: flag }),
});

/** One layer: any subset of the settings. Unknown keys are reported as such and dropped by validate.ts. */
export const layerSchema = table<Settings>()({
  model,
  preset: described(z.array(z.string()), "a preset's name or a list of names"),
  providers: named(provider),
  options,
  permissions: table<Settings["permissions"]>()({
    mode: z.enum(["default", "acceptEdits", "plan", "bypassPermissions"]),
    allow: texts,
    deny: texts,
  }),
});

type AssertAssignable<Given extends Wanted, Wanted> = Given;
export type LayerSettings = AssertAssignable<z.infer<typeof layerSchema>, DeepPartial<Settings>>;

/** What a table holds below it: named keys, any key, or nothing (no table). */
export type Children =
  { kind: "named"; shape: Readonly<Record<string, Schema>> } | { kind: "any"; value: Schema } | { kind: "none" };

function unwrap(schema: Schema): Schema {
  return schema instanceof z.ZodMiniOptional || schema instanceof z.ZodMiniNullable
    ? unwrap(schema.def.innerType)
    : schema;
}

export function childrenOf(schema: Schema): Children {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodMiniObject) return { kind: "named", shape: inner.def.shape };
  if (inner instanceof z.ZodMiniRecord) return { kind: "any", value: inner.def.valueType };
  return { kind: "none" };
}

/** The schema at a path (list indices are segments too), or undefined where no such key is known. */
export function schemaAt(path: readonly PropertyKey[], from: Schema = layerSchema): Schema | undefined {
  const [first, ...rest] = path;
  if (first === undefined) return from;
  const inner = unwrap(from);
  if (inner instanceof z.ZodMiniArray) return schemaAt(rest, inner.def.element);
  const children = childrenOf(inner);
  if (children.kind === "any") return schemaAt(rest, children.value);
  if (children.kind === "none" || typeof first !== "string" || !Object.hasOwn(children.shape, first)) return undefined;
  const next = children.shape[first];
  return next === undefined ? undefined : schemaAt(rest, next);
}

export function isNullable(schema: Schema): boolean {
  if (schema instanceof z.ZodMiniOptional) return isNullable(schema.def.innerType);
  return schema instanceof z.ZodMiniNullable;
}

export function isText(schema: Schema): boolean {
  const inner = unwrap(schema);
  return inner instanceof z.ZodMiniString || inner instanceof z.ZodMiniEnum;
}

/** What may stand at a key, as the end of a sentence. */
export function describeAllowed(schema: Schema): string {
  const given = descriptions.get(schema);
  if (given !== undefined) return given;
  if (schema instanceof z.ZodMiniOptional || schema instanceof z.ZodMiniNullable)
    return describeAllowed(schema.def.innerType);
  if (schema instanceof z.ZodMiniBoolean) return "true or false";
  if (schema instanceof z.ZodMiniEnum)
    return Object.values(schema.def.entries)
      .map((entry) => JSON.stringify(entry))
      .join(", ");
  if (schema instanceof z.ZodMiniArray) return `a list, each member ${describeAllowed(schema.def.element)}`;
  if (schema instanceof z.ZodMiniString) return "a text";
  return "a table";
}

/** Every known dotted path; `*` stands for a name of the user's choosing. Lists of tables are entered. */
export function knownPaths(from: Schema = layerSchema, prefix: readonly string[] = []): string[][] {
  const inner = unwrap(from);
  if (inner instanceof z.ZodMiniArray && childrenOf(inner.def.element).kind === "named")
    return knownPaths(inner.def.element, prefix);
  const children = childrenOf(inner);
  switch (children.kind) {
    case "none":
      return [[...prefix]];
    case "any":
      return knownPaths(children.value, [...prefix, "*"]);
    case "named":
      return Object.entries(children.shape).flatMap(([key, schema]) => knownPaths(schema, [...prefix, key]));
  }
}
