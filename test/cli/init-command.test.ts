// `bmo init`: what it finds, what it asks, what it writes.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { existsSync, readFileSync, statSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { initCommand, runInit, type InitVendor } from "../../src/cli/init-command.ts";
import { probeLocalServer } from "../../src/cli/init-local-servers.ts";
import { createPlace, failure, load } from "../config/home.ts";
import { callSubcommand, createIo } from "./io.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve).closeAllConnections());
});

async function serve(status: number, body: string | null): Promise<string> {
  const server = createServer((request, response) => {
    if (body === null) return;
    response.writeHead(request.url === "/v1/models" ? status : 404).end(body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/v1`;
}

const anthropic: InitVendor = {
  id: "anthropic",
  baseUrl: "https://api.anthropic.com",
  keyVariables: ["ANTHROPIC_API_KEY"],
  needsKey: true,
};
const local = (baseUrl: string): InitVendor => ({ id: "ollama", baseUrl, keyVariables: [], needsKey: false });
const noneConfigured = (): Promise<string[]> => Promise.resolve([]);
const DEAD = "http://127.0.0.1:9/v1";

test("only what answers like a model server on loopback counts", async () => {
  const probe = (baseUrl: string): Promise<unknown> => probeLocalServer({ id: "x", baseUrl }, 300);
  const good = await serve(200, '{"data":[{"id":"qwen"},{"name":"no id"}]}');
  expect(
    await Promise.all([
      probe(good),
      probe(await serve(200, "<html>")),
      probe(await serve(500, "{}")),
      probe(await serve(200, null)),
      probe(DEAD),
      probe("http://192.0.2.1/v1"),
      probe("http://127.0.0.1.example.test/v1"),
    ]),
  ).toEqual([{ id: "x", baseUrl: good, models: ["qwen"] }, null, null, null, null, null, null]);
});

test("without a terminal it says what it would write, and writes with --yes; comments of an existing file stay", async () => {
  const place = createPlace();
  const url = await serve(200, '{"data":[{"id":"qwen"}]}');
  const dry = createIo(place);
  expect(
    await runInit({ preset: "tiered,gated", model: "ollama/qwen" }, dry, [anthropic, local(url)], noneConfigured),
  ).toBe(0);
  expect([dry.out(), existsSync(place.userFile)]).toEqual([
    `would write to ${place.userFile} (with --yes):\n  model = "ollama/qwen"\n  preset = ["tiered","gated"]\n  providers.ollama.base_url = "${url}"\n`,
    false,
  ]);
  place.write(place.userFile, '# mine\nmodel = "old/one" # why\n');
  const wet = createIo({ ...place, environment: { ANTHROPIC_API_KEY: "k" } });
  expect(
    await runInit(
      { yes: true, preset: "tiered,gated", model: "ollama/qwen" },
      wet,
      [anthropic, local(url)],
      noneConfigured,
    ),
  ).toBe(0);
  expect(readFileSync(place.userFile, "utf8")).toBe(
    `# mine\nmodel = "ollama/qwen" # why\npreset = ["tiered", "gated"]\n\n[providers.ollama]\nbase_url = "${url}"\n`,
  );
  expect(wet.err()).toBe(`found  anthropic: key in ANTHROPIC_API_KEY\nfound  ollama: ${url}, qwen\n`);
  expect((await load(place)).notices).toEqual([]);
});

test("on a terminal without credentials it asks for a key without echo, and keeps it for the owner alone", async () => {
  const place = createPlace();
  const io = createIo({
    ...place,
    answers: ["anthropic", "sk-${x}", "anthropic/claude-sonnet-5-5", "reasoning-plan", "y"],
  });
  expect(await runInit({}, io, [anthropic, local(DEAD)], noneConfigured)).toBe(0);
  expect(io.asked[1]).toMatch(/^\[secret\] /);
  expect(statSync(place.userFile).mode & 0o777).toBe(0o600);
  const { settings } = await load(place, { environment: { x: "wrong" } });
  expect([settings.model, settings.preset, settings.providers["anthropic"]?.api_key]).toEqual([
    "anthropic/claude-sonnet-5-5",
    ["reasoning-plan"],
    "sk-${x}",
  ]);
  expect(io.out() + io.err()).not.toContain("sk-");
});

test("a refusal writes nothing; nothing found and nothing given is exit 6; JSON is one object", async () => {
  const place = createPlace();
  const refused = createIo({ ...place, environment: { ANTHROPIC_API_KEY: "k" }, answers: ["a/b", "", "n"] });
  expect(await runInit({}, refused, [anthropic], noneConfigured)).toBe(0);
  const json = createIo({ ...place, json: true });
  expect(await runInit({}, json, [anthropic, local(DEAD)], noneConfigured)).toBe(6);
  expect(JSON.parse(json.out())).toEqual({
    file: place.userFile,
    existed: false,
    written: false,
    settings: [],
    credentials: [],
    configured: [],
    servers: [],
  });
  expect(existsSync(place.userFile)).toBe(false);
  expect((await failure(runInit({ preset: "x" }, createIo(place), [], noneConfigured))).hint).toContain(
    "fast-plan, reasoning-plan",
  );
  expect((await failure(callSubcommand(initCommand, ["--wat"], { io: createIo(place) }))).message).toBe(
    "bmo init does not take --wat",
  );
});

test("a provider that the configuration gives a key counts as found", async () => {
  const place = createPlace();
  const io = createIo(place);
  expect(await runInit({}, io, [anthropic, local(DEAD)], () => Promise.resolve(["house"]))).toBe(0);
  expect(io.err()).toBe("found  house: key in the configuration\n");
  expect(io.out()).toBe(`nothing to write to ${place.userFile}: the keys found serve as they are\n`);
});
