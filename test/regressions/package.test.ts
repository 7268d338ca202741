// What the README links to is in the published package.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);

test("every relative link of the README but those for developers is published", () => {
  const { files } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as { files: string[] };
  const links = [...readFileSync(new URL("README.md", root), "utf8").matchAll(/\]\((?!https?:)([^)#]+)/g)].map(
    (match) => match[1] ?? "",
  );
  const missing = links.filter((link) => !files.some((file) => link === file || link.startsWith(`${file}/`)));
  expect(missing.filter((link) => link !== "CONTRIBUTING.md" && !link.startsWith("bench/"))).toEqual([]);
});
