// What a stage offers: the same tools in the request and under /tools, with and without skills.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createHarness, type Harness } from "./harness.ts";

const SKILL = "---\nname: greet\ndescription: says hello\n---\nSay hello.\n";
const READING = ["view", "grep", "glob", "bash"];

async function listed({ context }: Harness): Promise<string[]> {
  return (await context.services.tools()).filter(({ offered }) => offered).map(({ name }) => name);
}

test.each([
  { stage: "plan", flags: [], hasSkill: false, offered: [...READING, "set_plan_artifact", "ask_question"] },
  {
    stage: "plan",
    flags: [],
    hasSkill: true,
    offered: [...READING, "set_plan_artifact", "ask_question", "activate_skill"],
  },
  {
    stage: "chat",
    flags: ["--no-plan"],
    hasSkill: false,
    offered: ["view", "grep", "glob", "edit", "multiedit", "write", "bash", "ask_question"],
  },
])(
  "the $stage stage offers the same in the request and under /tools, with a skill: $hasSkill",
  async ({ flags, hasSkill, offered }) => {
    const harness = await createHarness({ script: [{ text: "hello" }], flags });
    if (hasSkill) {
      mkdirSync(join(harness.home, "skills", "greet"), { recursive: true });
      writeFileSync(join(harness.home, "skills", "greet", "SKILL.md"), SKILL);
    }
    expect(await listed(harness)).toEqual(offered);
    await harness.submit("look at the project and tell me what it does");
    expect(harness.requests[0]?.tools).toEqual(offered);
  },
);
