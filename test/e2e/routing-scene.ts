// What the routing tests share: a house provider whose models differ in price and score, skills, and the look at what
// the server saw. Asserts only that no request carries a tier, a role or an alias.

import { readdirSync } from "node:fs";
import { expect } from "vitest";
import type { Phase } from "../../src/types/provider.ts";
import type { Route } from "../../src/types/route.ts";
import type { SeenRequest, VendorServer, VendorServerOptions } from "../support/vendor-server.ts";
import { createPlace, type Finished, type Place, type WireName } from "./harness.ts";
import { openServer, resultOf, type ResultObject } from "./scenario.ts";

export interface HouseModel {
  id: string;
  /** USD per million: input, output, and what the cache costs; null = unknown. Default 1 and 5. */
  price?: readonly [input: number, output: number, cacheRead?: number, cacheWrite?: number] | null;
  /** One figure for all phases, or one each. */
  scores?: number | Partial<Record<Phase, number>>;
  aliases?: string[];
  /** Further lines of the model's table. */
  more?: string;
}

const PHASES: Phase[] = ["plan", "implement", "debug", "test", "refactor", "document", "small_edit"];

function modelToml(provider: string, { id, price = [1, 5], scores, aliases, more = "" }: HouseModel): string {
  const [input = 0, output = 0, read = 0, write = 0] =
    price === null ? [] : [price[0], price[1], price[2] ?? price[0] / 10, price[3] ?? price[0] * 1.25];
  const each = typeof scores === "number" ? Object.fromEntries(PHASES.map((phase) => [phase, scores])) : scores;
  return [
    `[[providers.${provider}.models]]`,
    `id = "${id}"`,
    "context_window = 200000",
    "max_output = 8000",
    ...(price === null
      ? []
      : [`price = { input = ${input}, output = ${output}, cache_read = ${read}, cache_write = ${write} }`]),
    ...(each === undefined
      ? []
      : [
          `scores = { ${Object.entries(each)
            .map(([phase, value]) => `${phase} = ${value}`)
            .join(", ")} }`,
        ]),
    ...(aliases === undefined ? [] : [`aliases = ${JSON.stringify(aliases)}`]),
    more,
  ].join("\n");
}

export interface HouseToml {
  /** Keys above all tables, e.g. the default model. */
  top?: string;
  tables?: string;
  wire?: WireName;
  /** Further keys of the provider. */
  provider?: string;
}

/** The user's file: one provider `p` on the server, with these models. */
export function houseToml(
  url: string,
  models: readonly (string | HouseModel)[],
  { top = "", tables = "", wire = "anthropic", provider = "" }: HouseToml = {},
): string {
  const type = wire === "anthropic" ? "anthropic" : wire === "responses" ? "openai" : "openai-compatible";
  const head = `[providers.p]\ntype = "${type}"\nbase_url = "${wire === "anthropic" ? url : `${url}/v1`}"\napi_key = "test-key-house-0123456789"\nmax_retries = 0\n${provider}`;
  return [
    top,
    head,
    ...models.map((model) => modelToml("p", typeof model === "string" ? { id: model } : model)),
    tables,
  ].join("\n");
}

export interface House {
  server: VendorServer;
  place: Place;
  /** Writes the user's file again. */
  configure(models: readonly (string | HouseModel)[], toml?: HouseToml): void;
}

/** Answers "ok" unless told otherwise. */
export async function house(
  models: readonly (string | HouseModel)[],
  toml: HouseToml = {},
  options: VendorServerOptions = {},
): Promise<House> {
  const server = await openServer({ replies: () => ({ text: "ok" }), ...options });
  const place = createPlace();
  const configure = (list: readonly (string | HouseModel)[], more: HouseToml = {}): void =>
    place.configure(houseToml(server.url, list, more));
  configure(models, toml);
  return { server, place, configure };
}

/** A skill of the user's own. */
export function userSkill(place: Place, name: string, frontmatter: string, body = `Body of ${name}.`): string {
  const path = `../home/bmo/skills/${name}/SKILL.md`;
  place.file(path, `---\n${frontmatter}\n---\n${body}\n`);
  return path;
}

/** Of one run's `--json`: the object, with its routes as the contract writes them. */
export function routed(
  finished: Finished,
): Omit<ResultObject, "routes"> & { routes: Route[]; cost_is_estimate: boolean } {
  return resultOf(finished) as unknown as Omit<ResultObject, "routes"> & { routes: Route[]; cost_is_estimate: boolean };
}

export const modelsOf = (requests: readonly SeenRequest[]): string[] => requests.map((request) => request.model);

/** Requests seen while `act` ran. */
export async function during<Result>(
  server: VendorServer,
  act: () => Promise<Result>,
): Promise<{ result: Result; seen: SeenRequest[] }> {
  const before = server.requests.length;
  const result = await act();
  return { result, seen: server.requests.slice(before) };
}

/** Every request names a model by the id its provider knows it by, and nothing refused it. */
export function expectWireIds(requests: readonly SeenRequest[], ids: readonly string[]): void {
  expect(requests.filter((request) => !ids.includes(request.model)).map((request) => request.model)).toEqual([]);
  expect(requests.flatMap((request) => request.violations)).toEqual([]);
}

/** Lines of a session's log file. */
export function logOf(place: Place, session: string | null): string[] {
  const found = globLog(place, session ?? "");
  return place.read(found).trim().split("\n");
}

function globLog(place: Place, session: string): string {
  const names = filesBelow(`${place.home}/bmo`).filter((path) => path.endsWith(`${session}.log`));
  const [only] = names;
  if (only === undefined) throw new Error(`no log of session ${session}`);
  return `../home/bmo/${only}`;
}

function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" });
}
