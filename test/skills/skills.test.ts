// Skills as folders on disk: found, checked, described, activated.

import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { discoverSkills, type SkillRoot, type SkillScan } from "../../src/skills/load.ts";
import { requireSkill, skillPrompt, whyGone } from "../../src/skills/activate.ts";

function workspace(files: Record<string, string> = {}): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "bmo-skills-")));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

function project(directory: string, folder = ".bmo/skills"): SkillRoot {
  return { path: join(directory, folder), origin: "project", within: directory };
}

async function scan(
  files: Record<string, string>,
  environment: Record<string, string> = {},
): Promise<SkillScan & { directory: string }> {
  const directory = workspace(files);
  return { ...(await discoverSkills([project(directory)], { environment })), directory };
}

const skill = (frontmatter: string, body = "Do it."): string => `---\n${frontmatter}\n---\n${body}\n`;

describe("reading", () => {
  test("name, description, tier and body; the folder names a skill that does not name itself", async () => {
    const { skills, diagnostics, directory } = await scan({
      ".bmo/skills/release/SKILL.md": skill(
        "name: release-notes\ndescription: >\n  Writes the\n  release notes\ntier: coding",
        "# Steps\n\n1. look",
      ),
      ".bmo/skills/plain/SKILL.md": `\ufeff${skill("description: plain one").replaceAll("\n", "\r\n")}`,
      ".bmo/skills/not-a-skill/README.md": "x",
      ".bmo/skills/file.md": "x",
    });
    expect(diagnostics).toEqual([]);
    expect(skills).toEqual([
      {
        name: "plain",
        description: "plain one",
        tier: null,
        body: "Do it.",
        path: join(directory, ".bmo/skills/plain/SKILL.md"),
        origin: "project",
        available: true,
        reason: null,
      },
      {
        name: "release-notes",
        description: "Writes the release notes",
        tier: "coding",
        body: "# Steps\n\n1. look",
        path: join(directory, ".bmo/skills/release/SKILL.md"),
        origin: "project",
        available: true,
        reason: null,
      },
    ]);
  });

  test("both spellings of the tier; tier wins and says so; a wrong one is ignored", async () => {
    const { skills, diagnostics } = await scan({
      ".bmo/skills/a/SKILL.md": skill("description: a\nmodel_tier: deep"),
      ".bmo/skills/b/SKILL.md": skill("description: b\nmodel_tier: deep\ntier: smart"),
      ".bmo/skills/c/SKILL.md": skill("description: c\ntier: genius"),
      ".bmo/skills/d/SKILL.md": skill("description: d\ntier: [smart]\nmodel_tier: coding"),
    });
    expect(skills.map((one) => [one.name, one.tier])).toEqual([
      ["a", "deep"],
      ["b", "smart"],
      ["c", null],
      ["d", "coding"],
    ]);
    expect(diagnostics.map((text) => text.replace(/^.*SKILL\.md: /, ""))).toEqual([
      "tier is smart and model_tier is deep; tier wins",
      'tier = "genius" is ignored; allowed are balanced, coding, smart, deep',
      'tier = ["smart"] is ignored; allowed are balanced, coding, smart, deep',
    ]);
  });

  test("no front matter, an open one, broken YAML, a wrong name, tags and aliases without end: diagnostics, no crash", async () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${["b", "c", "d", "e", "f", "g"].map((key, index) => `${key}: &${key} [${Array(9).fill(`*${"abcdef"[index]}`).join(",")}]`).join("\n")}`;
    const { skills, diagnostics } = await scan({
      ".bmo/skills/body/SKILL.md": "# Only a body\n\ntext",
      ".bmo/skills/open/SKILL.md": "---\nname: open\n",
      ".bmo/skills/broken/SKILL.md": skill("name: [broken"),
      ".bmo/skills/list/SKILL.md": skill("- a\n- b"),
      ".bmo/skills/named/SKILL.md": skill("name: ../evil"),
      ".bmo/skills/number/SKILL.md": skill("name: 5"),
      ".bmo/skills/Upper/SKILL.md": skill("description: x"),
      ".bmo/skills/bomb/SKILL.md": skill(bomb),
      ".bmo/skills/empty/SKILL.md": "",
    });
    expect(skills.map((one) => [one.name, one.description, one.body])).toEqual([
      ["body", "Only a body", "# Only a body\n\ntext"],
      ["empty", "", ""],
    ]);
    const said = diagnostics.join("\n");
    for (const phrase of [
      "body/SKILL.md: it has no front matter",
      "open/SKILL.md: refused, the front matter is not closed",
      "broken/SKILL.md: refused, the front matter is not valid YAML",
      "list/SKILL.md: refused, the front matter is not a list of `key: value` lines",
      'named/SKILL.md: refused, its name "../evil"',
      "number/SKILL.md: refused, its name 5",
      'Upper/SKILL.md: refused, its name "Upper"',
      "bomb/SKILL.md: refused",
    ])
      expect(said).toContain(phrase);
  });

  test("limits: a long description is cut, a long body and a large file are refused, binary too", async () => {
    const { skills, diagnostics } = await scan({
      ".bmo/skills/long/SKILL.md": skill(`description: ${"d".repeat(300)}`),
      ".bmo/skills/body/SKILL.md": skill("description: x", "b".repeat(50_001)),
      ".bmo/skills/large/SKILL.md": skill("description: x", "b".repeat(1_000_000)),
      ".bmo/skills/binary/SKILL.md": "---\nname: x\0\n---\n",
    });
    expect(skills.map((one) => [one.name, one.description])).toEqual([["long", `${"d".repeat(199)}…`]]);
    expect(diagnostics.map((text) => text.replace(/^.*skills\//, ""))).toEqual([
      "binary/SKILL.md: refused, it is not text",
      "body/SKILL.md: refused, its body has 50001 characters; at most 50000 are allowed",
      `large/SKILL.md: refused, it has ${1_000_000 + skill("description: x", "").length} bytes; at most 400000 are read`,
      "long/SKILL.md: its description is longer than 200 characters and is cut",
    ]);
  });

  test("control and bidi characters do not get through", async () => {
    const { skills } = await scan({
      ".bmo/skills/x/SKILL.md": skill('description: "a\\e[31mred\\u202eb"', "text\u001b]0;title\u0007 end\u202e"),
    });
    expect(JSON.stringify(skills)).not.toMatch(/\\u001b|\u202e|\u0007/);
  });
});

describe("links", () => {
  test("links out of the folder are refused; links inside it are followed", async () => {
    const outside = workspace({
      "secret/SKILL.md": skill("description: secret"),
      "secret.md": skill("description: file"),
    });
    const directory = workspace({
      ".bmo/skills/real/SKILL.md": skill("description: real"),
      ".bmo/skills/inner/text.md": skill("description: inner"),
    });
    const root = join(directory, ".bmo/skills");
    symlinkSync(join(outside, "secret"), join(root, "linked-folder"));
    mkdirSync(join(root, "linked-file"));
    symlinkSync(join(outside, "secret.md"), join(root, "linked-file/SKILL.md"));
    mkdirSync(join(root, "neighbour"));
    symlinkSync("../real/SKILL.md", join(root, "neighbour/SKILL.md"));
    symlinkSync("text.md", join(root, "inner/SKILL.md"));
    symlinkSync("real", join(root, "zz-same"));
    symlinkSync("loop", join(root, "loop"));
    const { skills, diagnostics } = await discoverSkills([project(directory)], { environment: {} });
    expect(skills.map((one) => one.name)).toEqual(["inner", "real", "zz-same"]);
    expect(diagnostics.map((text) => text.replace(/^.*skills\//, "")).sort()).toEqual([
      "linked-file/SKILL.md: refused, it is a link out of its folder",
      "linked-folder/SKILL.md: refused, it is a link out of its folder",
      "loop/SKILL.md: refused, it cannot be read (ELOOP)",
      "neighbour/SKILL.md: refused, it is a link out of its folder",
    ]);
  });

  test("a project's whole folder may not be a link out of the workspace; a fifo is not opened", async () => {
    const outside = workspace({ "skills/x/SKILL.md": skill("description: x") });
    const directory = workspace({ ".agents/skills/pipe/README": "" });
    mkdirSync(join(directory, ".bmo"));
    symlinkSync(join(outside, "skills"), join(directory, ".bmo/skills"));
    execFileSync("mkfifo", [join(directory, ".agents/skills/pipe/SKILL.md")]);
    const scanned = await discoverSkills([project(directory), project(directory, ".agents/skills")], {
      environment: {},
    });
    expect(scanned.skills).toEqual([]);
    expect(scanned.diagnostics.join("\n")).toMatch(
      /\.bmo\/skills: not looked at, it is a link out of the workspace\n.*pipe\/SKILL\.md: refused, it is not a regular file/,
    );
    const user: SkillRoot = { path: join(directory, ".bmo/skills"), origin: "user", within: null };
    expect((await discoverSkills([user], { environment: {} })).skills.map((one) => one.origin)).toEqual(["user"]);
  });
});

describe("several roots and requirements", () => {
  test("the first of a name wins; roots that do not exist cost nothing", async () => {
    const directory = workspace({
      ".bmo/skills/a/SKILL.md": skill("description: first"),
      ".claude/skills/a/SKILL.md": skill("description: second"),
      ".github/skills/b/SKILL.md": skill("description: third"),
    });
    const roots = [".bmo/skills", ".agents/skills", ".claude/skills", ".github/skills"].map((folder) =>
      project(directory, folder),
    );
    const { skills, diagnostics } = await discoverSkills(roots, { environment: {} });
    expect(skills.map((one) => one.description)).toEqual(["first", "third"]);
    expect(diagnostics).toEqual([
      `${join(directory, ".claude/skills/a/SKILL.md")}: not used, ${join(directory, ".bmo/skills/a/SKILL.md")} has the same name a`,
    ]);
  });

  test("unmet requirements make a skill unavailable, and those that need it", async () => {
    const bin = workspace({ tool: "#!/bin/sh\n", plain: "no program" });
    chmodSync(join(bin, "tool"), 0o755);
    const { skills, diagnostics } = await scan(
      {
        ".bmo/skills/met/SKILL.md": skill(
          "description: x\nrequires:\n  env: TOKEN\n  binary: [tool]\n  skills: [peer]",
        ),
        ".bmo/skills/peer/SKILL.md": skill("description: x\nrequires: {skills: [met]}"),
        ".bmo/skills/no-env/SKILL.md": skill(
          "description: x\nrequires: {env: [MISSING, EMPTY], binary: [plain, ../tool]}",
        ),
        ".bmo/skills/chain/SKILL.md": skill("description: x\nrequires: {skills: [needs-it]}"),
        ".bmo/skills/needs-it/SKILL.md": skill("description: x\nrequires: {skills: [no-env, nobody]}"),
        ".bmo/skills/odd/SKILL.md": skill("description: x\nrequires: {env: [5]}"),
      },
      { TOKEN: "t", EMPTY: "", PATH: `/nowhere:${bin}` },
    );
    expect(Object.fromEntries(skills.map((one) => [one.name, one.reason]))).toEqual({
      met: null,
      peer: null,
      "no-env": "needs the environment variable MISSING, EMPTY and the program plain, ../tool",
      chain: "needs the skill needs-it",
      "needs-it": "needs the skill no-env, nobody",
      odd: null,
    });
    expect(diagnostics.map((text) => text.replace(/^.*skills\//, ""))).toEqual([
      "odd/SKILL.md: requires.env is not a list of names",
    ]);
  });
});

describe("in use", () => {
  const files = {
    ".bmo/skills/docs/SKILL.md": skill("description: writes docs\ntier: coding", "Write well."),
    ".bmo/skills/other/SKILL.md": skill("description: other things", "SECRET BODY"),
    ".bmo/skills/off/SKILL.md": skill("description: off\nrequires: {env: [NOPE]}"),
  };

  test("the prompt names what is available and holds the body of the active one only", async () => {
    const { skills, directory } = await scan(files);
    const names = "Skills (activate_skill loads the instructions of one):\n- docs: writes docs\n- other: other things";
    expect(skillPrompt(skills, null)).toBe(names);
    expect(skillPrompt(skills, "gone")).toBe(names);
    expect(skillPrompt(skills, "off")).toBe(names);
    expect(skillPrompt(skills, "docs")).toBe(
      `${names}\n\nActive skill: docs (from the repository; its folder: ${join(directory, ".bmo/skills/docs")})\nIt set the tier to coding.\n\nWrite well.`,
    );
    expect(skillPrompt([], "docs")).toBe("");
  });

  test("activating: unknown names the nearest, unavailable names the reason", async () => {
    const { skills } = await scan(files);
    expect(requireSkill(skills, "docs").tier).toBe("coding");
    expect(() => requireSkill(skills, "dosc")).toThrow(
      expect.objectContaining({
        code: "usage",
        message: "there is no skill dosc",
        hint: "Did you mean docs? /skills lists all.",
      }),
    );
    expect(() => requireSkill(skills, "off")).toThrow(
      expect.objectContaining({
        code: "usage",
        message: "the skill off is not available: needs the environment variable NOPE",
      }),
    );
  });

  test("an active skill that vanished is gone with a notice", async () => {
    const { skills, directory } = await scan(files);
    expect(whyGone(skills, "docs")).toBeNull();
    rmSync(join(directory, ".bmo/skills/docs"), { recursive: true });
    const after = await discoverSkills([project(directory)], { environment: {} });
    expect(whyGone(after.skills, "docs")).toBe("The skill docs is gone; it is no longer active.");
    expect(whyGone(after.skills, "off")).toBe(
      "The skill off is no longer active: it needs the environment variable NOPE.",
    );
  });
});
