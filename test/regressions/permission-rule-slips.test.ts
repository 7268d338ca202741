// A slip in a permission rule is said when the configuration is read, with the place where it stands.

import { expect, test } from "vitest";
import { scene, userToml } from "../e2e/scenario.ts";

test.each([
  ["allow", "bsah(git *)", 'permission rule "bsah(git *)" names no tool of bmo', "nearest: bash"],
  ["deny", "edit(src/**", 'permission rule "edit(src/**" cannot be read', "allowed: a tool name"],
])("permissions.%s = [%j] in the user's file", async (list, rule, message, hint) => {
  const { place, server } = await scene({ replies: [{ text: "An answer." }] });
  place.configure(userToml(server.url, { tables: `[permissions]\n${list} = ["${rule}"]` }));
  for (const args of [
    ["config", "validate"],
    ["-p", "hello"],
  ]) {
    const finished = await place.run(args);
    expect({ args, code: finished.code, stderr: finished.stderr }).toEqual({
      args,
      code: 2,
      stderr: expect.stringContaining(`bmo.toml: permissions.${list}: ${message}`) as unknown,
    });
    expect(finished.stderr).toContain(hint);
  }
  expect(server.requests).toEqual([]);
});

test.each(["--allowedTools", "--disallowedTools"])("%s", async (option) => {
  const { place, server } = await scene({ replies: [{ text: "An answer." }] });
  const finished = await place.run([option, "bash(git *),viwe", "-p", "hello"]);
  expect(finished).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringMatching(new RegExp(`flag ${option}: .*"viwe" names no tool of bmo`)) as unknown,
  });
  expect(server.requests).toEqual([]);
});
