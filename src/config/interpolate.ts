// `${NAME}` in configuration values: replaced from the environment, or left standing and named where the variable is
// missing.

import { isTable, type RawTable } from "./read-text.ts";
import { formatKey } from "./keys.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** `$${NAME}` stands for the text `${NAME}` itself. */
const REFERENCE = /\$?\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/**
 * The first variable that a value still asks for, or null. Settings of providers keep such text until they are needed.
 */
export function missingVariable(value: string): string | null {
  return /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/.exec(value)?.[1] ?? null;
}

/** Replaces what is set; an empty variable counts as missing. `missing` names the others, whose text stays. */
function interpolateText(text: string, environment: Environment): { text: string; missing: string[]; used: boolean } {
  const missing: string[] = [];
  let used = false;
  const replaced = text.replace(REFERENCE, (reference, name: string) => {
    if (reference.startsWith("$$")) return reference.slice(1);
    used = true;
    const value = environment[name];
    if (value !== undefined && value !== "") return value;
    missing.push(name);
    return reference;
  });
  return { text: replaced, missing, used };
}

export interface Missing {
  key: string;
  variable: string;
}

/** Replaces in every text of the layer (in place), lists included; gives what was missing, by dotted key. */
export function interpolateLayer(layer: RawTable, environment: Environment): Missing[] {
  const missing: Missing[] = [];
  const visit = (value: unknown, path: readonly string[]): unknown => {
    if (typeof value === "string") {
      const result = interpolateText(value, environment);
      missing.push(...result.missing.map((variable) => ({ key: formatKey(path), variable })));
      return result.text;
    }
    if (Array.isArray(value)) return value.map((member: unknown) => visit(member, path));
    if (isTable(value)) for (const [key, member] of Object.entries(value)) value[key] = visit(member, [...path, key]);
    return value;
  };
  // Presets are names of ours: nothing to fill in, and their error message shows what was written.
  for (const [key, member] of Object.entries(layer)) if (key !== "preset") layer[key] = visit(member, [key]);
  return missing;
}

/** Whether any text of the value asks for a variable. */
export function asksForVariables(value: unknown): boolean {
  if (typeof value === "string") return missingVariable(value) !== null;
  if (Array.isArray(value)) return value.some(asksForVariables);
  return isTable(value) && Object.values(value).some(asksForVariables);
}
