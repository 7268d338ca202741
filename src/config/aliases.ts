// Brings the accepted spellings of one layer into the documented one: the blocks of the published texts, presets, empty
// names.

import { isTable, type RawTable } from "./read-text.ts";
import { childrenOf, isNullable, layerSchema, type Schema } from "./schema.ts";

function emptyTable(): RawTable {
  return Object.create(null) as RawTable;
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** How a file writes keys that are checked and shown under their documented names, by layer and documented key. */
const spellings = new WeakMap<RawTable, Map<string, string>>();

function noteSpelling(layer: RawTable, documented: string, written: string): void {
  const known = spellings.get(layer) ?? new Map<string, string>();
  spellings.set(layer, known.set(documented, written));
}

/** The key as the layer's source writes it, where that is another spelling than the documented one. */
export function spellingOf(layer: RawTable, documented: string): string | null {
  return spellings.get(layer)?.get(documented) ?? null;
}

/** `balancedModel` and the like in `modelRouter` objects. */
export function snakeKeys(table: RawTable): RawTable {
  const renamed = emptyTable();
  for (const [key, value] of Object.entries(table)) renamed[snakeCase(key)] ??= value;
  return renamed;
}

/** Puts keys below a path where the documented spelling has not set them itself. */
function putBelow(layer: RawTable, path: readonly string[], table: RawTable): void {
  let target = layer;
  for (const segment of path) {
    const next = target[segment];
    if (next !== undefined && !isTable(next)) return;
    target = target[segment] = next ?? emptyTable();
  }
  for (const [key, value] of Object.entries(table)) target[key] ??= value;
}

function takeModelRouter(layer: RawTable): void {
  for (const [holder, key, prefix] of [
    [layer, "modelRouter", ""],
    [layer["options"], "modelRouter", "options."],
  ] as const) {
    if (!isTable(holder) || !isTable(holder[key])) continue;
    for (const name of Object.keys(holder[key]))
      noteSpelling(layer, `options.model_router.${snakeCase(name)}`, `${prefix}modelRouter.${name}`);
    const router = snakeKeys(holder[key]);
    delete holder[key];
    putBelow(layer, ["options", "model_router"], router);
  }
}

/**
 * `agents.defaults.routing {enabled, classifierModel}`; what else stands in `agents` is left to be reported as unknown.
 */
function takeAgentRouting(layer: RawTable): void {
  const agents = layer["agents"];
  const defaults = isTable(agents) ? agents["defaults"] : undefined;
  if (!isTable(agents) || !isTable(defaults) || !isTable(defaults["routing"])) return;
  const routing = snakeKeys(defaults["routing"]);
  const gate = emptyTable();
  for (const name of Object.keys(defaults["routing"]))
    noteSpelling(
      layer,
      name === "enabled" ? "options.gate.enabled" : "options.gate.model",
      `agents.defaults.routing.${name}`,
    );
  if (routing["enabled"] !== undefined) gate["enabled"] = routing["enabled"];
  if (routing["classifier_model"] !== undefined) gate["model"] = routing["classifier_model"];
  putBelow(layer, ["options", "gate"], gate);
  delete routing["enabled"];
  delete routing["classifier_model"];
  if (Object.keys(routing).length > 0) defaults["routing"] = routing;
  else delete defaults["routing"];
  if (Object.keys(defaults).length === 0) delete agents["defaults"];
  if (Object.keys(agents).length === 0) delete layer["agents"];
}

/** `""` at a key that names a model means none; lists stay as they are. */
function emptyNamesToNull(table: RawTable, schema: Schema): void {
  const children = childrenOf(schema);
  for (const [key, value] of Object.entries(table)) {
    const child =
      children.kind === "any"
        ? children.value
        : children.kind === "named" && Object.hasOwn(children.shape, key)
          ? children.shape[key]
          : undefined;
    if (child === undefined) continue;
    if (value === "" && isNullable(child)) table[key] = null;
    else if (isTable(value)) emptyNamesToNull(value, child);
  }
}

/** Changes and returns the layer. `preset = "a,b"` becomes a list. */
export function normaliseLayer(layer: RawTable): RawTable {
  takeModelRouter(layer);
  takeAgentRouting(layer);
  const preset = layer["preset"];
  if (typeof preset === "string")
    layer["preset"] = preset
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "");
  emptyNamesToNull(layer, layerSchema);
  return layer;
}

/** The content of `preferences/model-router.json`, with or without its wrapper. */
export function normaliseRouterFile(table: RawTable): RawTable {
  const inner = table["modelRouter"];
  const layer = emptyTable();
  const router = isTable(inner) ? inner : table;
  for (const name of Object.keys(router))
    noteSpelling(layer, `options.model_router.${snakeCase(name)}`, router === inner ? `modelRouter.${name}` : name);
  putBelow(layer, ["options", "model_router"], snakeKeys(router));
  return normaliseLayer(layer);
}
