// `bmo models`: prices with their doubts, windows, retirements.

import { expect, test } from "vitest";
import { modelsCommand } from "../../src/cli/models-command.ts";
import { callSubcommand, createIo, type TestIo } from "./io.ts";
import { createTestRegistry, modelInfo } from "./registry.ts";

const registry = createTestRegistry(
  [
    modelInfo("a/one"),
    modelInfo("a/guess", {
      price: { input: 0.5, output: 2, cache_read: null, cache_write: null },
      priceEstimate: true,
      contextWindow: 1_048_576,
      status: "legacy",
    }),
    modelInfo("a/old", { status: "deprecated", retires: "2026-11-30", replacedBy: "a/one", aliases: ["ancient"] }),
    modelInfo("b/free", { price: { input: 0, output: 0, cache_read: 0, cache_write: 0 }, contextWindow: null }),
    modelInfo("b/dark", {
      price: { input: null, output: null, cache_read: null, cache_write: null },
      contextWindow: 512,
    }),
  ],
  [
    { id: "a", hasCredentials: true },
    { id: "b", hasCredentials: false },
  ],
);
const models = (args: string[], io: TestIo): Promise<number> =>
  callSubcommand(modelsCommand, args, { io, app: { registry: () => registry } });
const place = { workspace: "/", home: "/" };

test("prints a table for each provider", async () => {
  const io = createIo(place);
  expect(await models([], io)).toBe(0);
  expect(io.out()).toBe(`a
  model    USD per Mtok in / out  window
  a/one    3 / 15                 200k
  a/guess  ~0.5 / ~2              1M      legacy
  a/old    3 / 15                 200k    retires 2026-11-30, then a/one
b  (no credentials)
  model   USD per Mtok in / out  window
  b/free  0 / 0                  unknown
  b/dark  unknown                512
`);
});

test("filters by part of an id or alias, gives JSON, and says when nothing matches", async () => {
  const json = createIo({ ...place, json: true });
  await models(["ANCIENT"], json);
  const answer = JSON.parse(json.out()) as { models: { id: string; retires: string; price: unknown }[] };
  expect(answer.models.map(({ id, retires }) => [id, retires])).toEqual([["a/old", "2026-11-30"]]);
  const none = createIo(place);
  expect([await models(["zzz"], none), none.out(), none.err()]).toEqual([0, "", 'bmo: no model matches "zzz"\n']);
  await expect(models(["--wat"], createIo(place))).rejects.toThrow("bmo models does not take --wat");
});
