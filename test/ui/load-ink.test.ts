// Loading Ink leaves the globals and the environment as they were.

import { expect, test } from "vitest";
import { loadInk } from "../../src/ui/load-ink.ts";
import { headerLine, shortenPath } from "../../src/ui/first-paint.ts";
import { width } from "../../src/ui/text.ts";

test("fetch and the variables of the environment are back after loading", async () => {
  const before = globalThis.fetch;
  const environment: Record<string, string | undefined> = { CI: "true", CONTINUOUS_INTEGRATION: "1", OTHER: "x" };
  const loading = loadInk(environment);
  expect(environment).toEqual({ OTHER: "x" });
  const { mountApp } = await loading;
  expect(typeof mountApp).toBe("function");
  expect(globalThis.fetch).toBe(before);
  expect(environment).toEqual({ CI: "true", CONTINUOUS_INTEGRATION: "1", OTHER: "x" });
});

test("the header fits its line and shows the end of a long path", () => {
  expect(headerLine("1.0.0", "/home/me/deep/er/project", "/home/me", 80)).toBe("bmo 1.0.0 · ~/deep/er/project");
  expect(headerLine("1.0.0", "/home/me/deep/er/project", "/home/me", 24)).toBe("bmo 1.0.0 · …er/project");
  expect(headerLine("1.0.0", "/evil\u001b[2J", null, 80)).toBe("bmo 1.0.0 · /evil?[2J");
  for (const columns of [1, 5, 10, 20, 40])
    expect(width(headerLine("1.0.0", "/a/long/path/of/many/parts", null, columns))).toBeLessThanOrEqual(columns);
  expect([shortenPath("/home/me", "/home/me"), shortenPath("/home/meet", "/home/me"), shortenPath("/x", null)]).toEqual(
    ["~", "/home/meet", "/x"],
  );
});
