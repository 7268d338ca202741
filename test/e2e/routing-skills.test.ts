// Skills: found, activated in every way, sticky over processes, their tier in the order of routing, gone with their
// folder.

import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { isPlanning, planInput, submit, ticket } from "./scenario.ts";
import { during, house, modelsOf, routed, userSkill, type House } from "./routing-scene.ts";

const MODELS = ["default-m", "balanced-m", "coding-m", "stage-m"];
const TIERS =
  '[options.model_router]\nbalanced_model = "p/balanced-m"\ncoding_model = "p/coding-m"\ndynamic_tier_enabled = false\n';
const STAGES = '[options.phase_model]\nplanning_model = "p/stage-m"\nexecution_model = "p/stage-m"\n';

function skillHouse(tables = TIERS): Promise<House> {
  return house(MODELS, { top: 'model = "p/default-m"', tables });
}

const CODER = "name: coder\ndescription: Writes code our way\ntier: coding";

describe("sticky", () => {
  test("activated in one process, active in the next, gone with a notice when its folder is deleted", async () => {
    const { place, server } = await skillHouse();
    const path = userSkill(place, "coder", CODER, "Always use tabs, never four blanks.");
    await place.run(["-p", "a question"]);
    expect(await place.run(["-c", "-p", "/skill coder"])).toMatchObject({
      code: 0,
      stdout: "skill coder is active, tier coding\n",
    });
    const { seen } = await during(server, async () => {
      expect(routed(await place.run(["-c", "-p", "--json", "another question"])).routes.at(-1)).toMatchObject({
        model: "p/coding-m",
        source: "skill",
        tier: "coding",
        tier_source: "skill",
        reason: expect.stringContaining("skill coder") as unknown,
      });
    });
    expect(seen.map((request) => [request.model, request.system.includes("Always use tabs")])).toEqual([
      ["coding-m", true],
    ]);
    expect((await place.run(["-c", "-p", "/status"])).stdout).toMatch(/tier\s+coding \(source: skill\)\nskill\s+coder/);

    rmSync(dirname(join(place.workspace, path)), { recursive: true });
    const { result, seen: after } = await during(server, () => place.run(["-c", "-p", "and another"]));
    expect(result.stderr).toMatch(/skill coder is gone/);
    expect(modelsOf(after)).toEqual(["balanced-m"]);
    const { result: later } = await during(server, () => place.run(["-c", "-p", "once more"]));
    expect(later.stderr).not.toMatch(/coder/);
    expect((await place.run(["-c", "-p", "/skill"])).stdout).toBe("active skill: none\n");
  });

  test("holds across /approve, until cleared", async () => {
    const { place, server } = await skillHouse(`${TIERS}${STAGES}`);
    userSkill(place, "coder", CODER);
    place.file("a.txt", "one\n");
    server.setReplies((request) =>
      isPlanning(request) ? submit(planInput([ticket("t1", { "a.txt": "modify" })])) : { text: "done" },
    );
    await place.run(["-p", "plan something"]);
    await place.run(["-c", "-p", "/skill coder"]);
    expect((await place.run(["-c", "-p", "/approve"])).code).toBe(0);
    expect(await place.run(["-c", "-p", "/skill off"])).toMatchObject({ code: 0, stdout: "no skill is active\n" });
    await place.run(["-c", "-p", "plan something else"]);
    expect(modelsOf(server.requests)).toEqual(["stage-m", "coding-m", "stage-m"]);
  });
});

describe("activation", () => {
  test("/<name> where no command has that name; a command keeps its name", async () => {
    const { place, server } = await skillHouse();
    userSkill(place, "coder", CODER);
    userSkill(place, "status", "name: status\ndescription: named like a command\ntier: coding");
    await place.run(["-p", "a question"]);
    expect((await place.run(["-c", "-p", "/status"])).stdout).toMatch(/^session/);
    expect(await place.run(["-c", "-p", "/coder"])).toMatchObject({
      code: 0,
      stdout: "skill coder is active, tier coding\n",
    });
    await place.run(["-c", "-p", "a question"]);
    expect(modelsOf(server.requests)).toEqual(["balanced-m", "coding-m"]);
  });

  test("names and descriptions always, bodies only when active; the tool only where there are skills", async () => {
    const { place, server } = await skillHouse();
    await place.run(["-p", "a question"]);
    userSkill(place, "coder", CODER, "BODY-OF-CODER");
    userSkill(place, "talker", "name: talker\ndescription: Talks a lot", "BODY-OF-TALKER");
    await place.run(["-c", "-p", "a question"]);
    await place.run(["-c", "-p", "/skill talker"]);
    await place.run(["-c", "-p", "a question"]);
    expect(
      server.requests.map((request) => [
        request.tools.includes("activate_skill"),
        ...["Writes code our way", "Talks a lot", "BODY-OF-CODER", "BODY-OF-TALKER"].map((text) =>
          request.raw.includes(text),
        ),
      ]),
    ).toEqual([
      [false, false, false, false, false],
      [true, true, true, false, false],
      [true, true, true, false, true],
    ]);
    expect(modelsOf(server.requests)).toEqual(["balanced-m", "balanced-m", "balanced-m"]);
  });

  test("by the model through activate_skill: its tier acts from the next turn", async () => {
    const { place, server } = await skillHouse();
    userSkill(place, "coder", CODER, "BODY-OF-CODER");
    server.setReplies((request) =>
      request.toolResults.length === 0
        ? { calls: [{ name: "activate_skill", input: { name: "coder" } }] }
        : { text: "ok" },
    );
    await place.run(["-p", "a question"]);
    const { seen } = await during(server, () => place.run(["-c", "-p", "another question"]));
    expect(modelsOf(server.requests)).toEqual(["balanced-m", "balanced-m", "coding-m"]);
    expect(seen[0]?.raw).toContain("BODY-OF-CODER");
    expect(server.requests[1]?.toolResults[0]?.text).toMatch(/coder/);
  });

  test("by the model, an unknown or unavailable one: an error result, the active one stays", async () => {
    const { place, server } = await skillHouse();
    userSkill(place, "coder", CODER);
    userSkill(
      place,
      "absent",
      "name: absent\ndescription: needs what is not there\nrequires:\n  env: [NOT_SET_ANYWHERE]\n  binary: [no-such-program]",
    );
    await place.run(["-p", "a question"]);
    await place.run(["-c", "-p", "/coder"]);
    let step = 0;
    server.setReplies(
      () =>
        [
          { calls: [{ name: "activate_skill", input: { name: "codr" } }] },
          { calls: [{ name: "activate_skill", input: { name: "absent" } }] },
          { text: "ok" },
        ][step++] ?? { text: "ok" },
    );
    const { seen } = await during(server, () => place.run(["-c", "-p", "a question"]));
    expect(seen.at(-1)?.toolResults.map((one) => one.text)).toEqual([
      expect.stringMatching(/no skill codr[\s\S]*coder/),
      expect.stringMatching(/absent is not available[\s\S]*NOT_SET_ANYWHERE[\s\S]*no-such-program/),
    ]);
    expect((await place.run(["-c", "-p", "/skill"])).stdout).toBe("active skill: coder\n");
    expect((await place.run(["-c", "-p", "/skills"])).stdout).toMatch(
      /absent\s+unavailable: needs the environment variable NOT_SET_ANYWHERE and the program no-such-program\ncoder\s+coding\s+Writes code our way/,
    );
    expect(await place.run(["-c", "-p", "/skill absent"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/not available/) as unknown,
    });
    expect(await place.run(["-c", "-p", "/skill codr"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Did you mean coder/) as unknown,
    });
  });
});

describe("against stage models", () => {
  test.each([
    ["activated by the user beats a concrete stage model", "user", STAGES, ["stage-m", "coding-m"]],
    ["activated by the model never beats a concrete stage model", "model", STAGES, ["stage-m", "stage-m", "stage-m"]],
    [
      "activated by the model beats tier:balanced from the next turn",
      "model",
      '[options.phase_model]\nplanning_model = "tier:balanced"\nexecution_model = "tier:balanced"\n',
      ["balanced-m", "balanced-m", "coding-m"],
    ],
    [
      "activated by the model beats auto from the next turn",
      "model",
      '[options.phase_model]\nplanning_model = "auto"\nexecution_model = "auto"\n[options.phase_router.preferences]\nplan = ["p/stage-m"]\n',
      ["stage-m", "stage-m", "coding-m"],
    ],
  ])("%s", async (_name, by, stages, models) => {
    const { place, server } = await skillHouse(`${TIERS}${stages}`);
    userSkill(place, "coder", CODER);
    server.setReplies((request) =>
      by === "model" && request.toolResults.length === 0
        ? { calls: [{ name: "activate_skill", input: { name: "coder" } }] }
        : { text: "ok" },
    );
    await place.run(["-p", "a question"]);
    if (by === "user") await place.run(["-c", "-p", "/skill coder"]);
    await place.run(["-c", "-p", "another question"]);
    expect(modelsOf(server.requests)).toEqual(models);
  });

  test("--tier and --model beat it", async () => {
    const { place, server } = await skillHouse();
    userSkill(place, "coder", CODER);
    await place.run(["-p", "a question"]);
    await place.run(["-c", "-p", "/coder"]);
    await place.run(["-c", "-p", "--tier", "balanced", "a question"]);
    await place.run(["-c", "-p", "-m", "p/stage-m", "a question"]);
    await place.run(["-c", "-p", "a question"]);
    expect(modelsOf(server.requests)).toEqual(["balanced-m", "balanced-m", "stage-m", "coding-m"]);
  });
});

describe("where skills are looked for", () => {
  test("in the four folders of a trusted project and the user's own; untrusted ones are not, and that is said", async () => {
    const { place } = await skillHouse();
    for (const [folder, name] of [
      [".bmo/skills", "one"],
      [".agents/skills", "two"],
      [".claude/skills", "three"],
      [".github/skills", "four"],
    ] as const)
      place.file(`${folder}/${name}/SKILL.md`, `---\nname: ${name}\ndescription: From ${folder}\n---\nBody\n`);
    userSkill(place, "own", "name: own\ndescription: My own");
    await place.run(["-p", "--trust", "a question"]);
    const trusted = (await place.run(["-c", "-p", "--trust", "/skills"])).stdout;
    for (const name of ["one", "two", "three", "four", "own"]) expect(trusted).toMatch(new RegExp(`^${name}\\s`, "m"));
    const untrusted = await place.run(["-c", "-p", "/skills"]);
    expect(untrusted.stdout.trim()).toMatch(/^own\s+My own$/);
    expect(untrusted.stderr).toMatch(/skills/);
  });

  test.each([
    ["without frontmatter", "Just do it well.", /no front matter/, true],
    [
      "with a wrong tier",
      "---\nname: odd\ndescription: d\ntier: huge\n---\nBody",
      /tier = .*huge.* is ignored; allowed are balanced, coding, smart, deep/,
      true,
    ],
    ["with model_tier", "---\nname: odd\ndescription: d\nmodel_tier: coding\n---\nBody", null, true],
    ["with broken YAML", "---\nname: [odd\n---\nBody", /refused/, false],
    ["with a name that is none", "---\nname: Not A Name!\ndescription: d\n---\nBody", /refused, its name/, false],
    [
      "1 MB long",
      `---\nname: odd\ndescription: d\n---\n${"x".repeat(1_000_000)}`,
      /refused, it has 10\d+ bytes/,
      false,
    ],
    [
      "with a body above 50,000 characters",
      `---\nname: odd\ndescription: d\n---\n${"x".repeat(50_001)}`,
      /refused, its body has 50001 characters/,
      false,
    ],
    ["of bytes that are no text", "\0\0\0", /refused, it is not text/, false],
    ["empty", "", /no front matter/, true],
  ])("a SKILL.md %s is diagnosed, never a crash", async (_name, text, diagnostic, listed) => {
    const { place } = await skillHouse();
    place.file("../home/bmo/skills/odd/SKILL.md", text);
    const finished = await place.run(["-p", "a question"]);
    expect(finished).toMatchObject({ code: 0, stdout: "ok\n" });
    if (diagnostic !== null) expect(finished.stderr).toMatch(diagnostic);
    else expect(finished.stderr).not.toMatch(/odd/);
    expect(/^odd\b/m.test((await place.run(["-c", "-p", "/skills"])).stdout)).toBe(listed);
  });

  test("a link out of its folder is refused", async () => {
    const { place, server } = await skillHouse();
    place.file("../secret/SKILL.md", "---\nname: leaked\ndescription: d\n---\nSECRET-TEXT");
    mkdirSync(join(place.home, "bmo/skills/inner"), { recursive: true });
    symlinkSync(join(place.workspace, "../secret"), join(place.home, "bmo/skills/leaked"));
    symlinkSync(join(place.workspace, "../secret/SKILL.md"), join(place.home, "bmo/skills/inner/SKILL.md"));
    const finished = await place.run(["-p", "a question"]);
    expect(finished.code).toBe(0);
    expect(finished.stderr.match(/refused, it is a link out of its folder/g)).toHaveLength(2);
    expect(server.requests[0]?.raw).not.toMatch(/leaked|SECRET/);
  });

  test("a skill whose tier names a model that nobody has ends with 2 that names the key", async () => {
    const { place, server } = await skillHouse('[options.model_router]\ncoding_model = "nowhere/m"\n');
    userSkill(place, "coder", CODER);
    await place.run(["-p", "--tier", "balanced", "a question"]);
    await place.run(["-c", "-p", "/coder"]);
    const { result, seen } = await during(server, () => place.run(["-c", "-p", "a question"]));
    expect(result).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/options\.model_router\.coding_model[\s\S]*nowhere/) as unknown,
    });
    expect(seen).toEqual([]);
  });
});
