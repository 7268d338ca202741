// `BMO_` variables as one layer: `BMO_OPTIONS__GATE__ENABLED=true` sets options.gate.enabled. Reads only what it is
// handed.

import { isText, schemaAt } from "./schema.ts";
import { isTable, type RawTable } from "./read-text.ts";

/** Not settings: where data lies, and what the tests of bmo itself use. */
const RESERVED = /^BMO_(HOME$|TEST_)/;

export interface EnvironmentSetting {
  variable: string;
  path: string[];
  value: unknown;
}

/** A TOML value, or else the text as it is; where a text is wanted, a number or date is taken as text. */
async function parseValue(text: string, path: readonly string[]): Promise<unknown> {
  const { parse, TomlError } = await import("smol-toml");
  const schema = schemaAt(path);
  try {
    if (text.includes("\n")) return text;
    const value = parse(`value = ${text}`)["value"];
    return schema !== undefined && isText(schema) && typeof value !== "string" ? text : value;
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    return text;
  }
}

export async function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<EnvironmentSetting[]> {
  const settings: EnvironmentSetting[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (text === undefined || !variable.startsWith("BMO_") || RESERVED.test(variable)) continue;
    const path = variable.slice(4).toLowerCase().split("__");
    if (path.includes("")) continue;
    settings.push({ variable, path, value: await parseValue(text, path) });
  }
  return settings.sort((left, right) => left.variable.localeCompare(right.variable));
}

/** A layer that holds one value. */
export function layerOf(path: readonly string[], value: unknown): RawTable {
  const root: RawTable = Object.create(null) as RawTable;
  let table = root;
  for (const segment of path.slice(0, -1)) {
    const next: RawTable = Object.create(null) as RawTable;
    table[segment] = next;
    table = next;
  }
  const last = path.at(-1);
  if (last !== undefined) table[last] = isTable(value) ? Object.assign(Object.create(null) as RawTable, value) : value;
  return root;
}
