// Routing at a real terminal, within one process: the line per turn, /why, and an edited configuration that serves the
// next turn.

import { afterEach, expect, test } from "vitest";
import { startPty, type PtyProgram } from "../support/pty.ts";
import { BMO } from "./harness.ts";
import { house, modelsOf, userSkill, type House } from "./routing-scene.ts";

const programs: PtyProgram[] = [];

afterEach(() => {
  for (const program of programs.splice(0)) program.dispose();
});

const MODELS = [
  { id: "default-m", scores: 60 },
  { id: "balanced-m", scores: 70 },
  { id: "coding-m", scores: 80 },
];
const TABLES =
  '[options.model_router]\nbalanced_model = "p/balanced-m"\ncoding_model = "p/coding-m"\ndynamic_tier_enabled = false\n';

function open({ place }: House, words: string[] = []): PtyProgram {
  const program = startPty([process.execPath, BMO, ...words], {
    cwd: place.workspace,
    environment: { HOME: place.home, BMO_HOME: `${place.home}/bmo` },
    columns: 110,
    rows: 40,
  });
  programs.push(program);
  return program;
}

async function type(program: PtyProgram, text: string): Promise<void> {
  program.write(text);
  await program.waitFor(
    (screen) => screen.text().replaceAll(/\s+/g, "").includes(text.replaceAll(/\s+/g, "")),
    `the typed text ${text}`,
  );
  program.write("\r");
}

test("bindings are read at the moment of the call: an edit serves the next turn, a broken one is said and the old one stays", async () => {
  let turn = 0;
  const scene = await house(
    MODELS,
    { top: 'model = "p/default-m"', tables: TABLES },
    { replies: () => ({ text: `answer number ${++turn}` }) },
  );
  const { place, server } = scene;
  const program = open(scene);
  await type(program, "first question");
  await program.waitFor(/answer number 1/);
  await program.waitFor(/p\/balanced-m/);
  const toml = place.read("../home/bmo/bmo.toml");
  place.configure(toml.replace('balanced_model = "p/balanced-m"', 'balanced_model = "p/coding-m"'));
  await type(program, "second question");
  await program.waitFor(/answer number 2/);
  place.configure("this is [ no TOML");
  await type(program, "third question");
  await program.waitFor(/answer number 3/);
  await program.waitFor(/edited configuration is not used/);
  place.configure(toml);
  await type(program, "fourth question");
  await program.waitFor(/answer number 4/);
  expect(modelsOf(server.requests)).toEqual(["balanced-m", "coding-m", "coding-m", "balanced-m"]);
});

test("a choice acts from the next turn; /why says who decided; a skill is announced when it is gone", async () => {
  let turn = 0;
  const scene = await house(
    MODELS,
    { top: 'model = "p/default-m"', tables: TABLES },
    { replies: () => ({ text: `answer number ${++turn}` }) },
  );
  const { server, place } = scene;
  const path = userSkill(place, "coder", "name: coder\ndescription: d\ntier: coding");
  const program = open(scene);
  await type(program, "/coder");
  await program.waitFor(/skill coder is active, tier coding/);
  await type(program, "first question");
  await program.waitFor(/answer number 1/);
  await type(program, "/why");
  await program.waitFor(/active skill coder asks for tier coding/);
  await type(program, "/tier balanced");
  await program.waitFor(/Tier balanced serves from the next turn/);
  await type(program, "second question");
  await program.waitFor(/answer number 2/);
  await type(program, "/tier auto");
  await program.waitFor(/No tier is set/);
  place.file(path, "---\nname: [broken\n---\n");
  await type(program, "third question");
  await program.waitFor(/answer number 3/);
  await program.waitFor(/skill coder is gone/);
  expect(modelsOf(server.requests)).toEqual(["coding-m", "balanced-m", "balanced-m"]);
});

test("a notice about a model is shown with the first turn, though the status line looked ahead before", async () => {
  const scene = await house([], {}, { replies: () => ({ text: "the answer" }) });
  scene.place.configure(
    `model = "anthropic/claude-sonnet-4-20250514"\n[providers.anthropic]\nbase_url = "${scene.server.url}"\napi_key = "test-key-house-0123456789"\n`,
  );
  const program = open(scene);
  await type(program, "a question");
  await program.waitFor(/the answer/);
  await program.waitFor(/retired on/);
  expect(modelsOf(scene.server.requests)).toEqual(["claude-sonnet-4-20250514"]);
});
