// Writes THIRD-PARTY-NOTICES.md from the packages that really are in the bundle.

import { readFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** @param inputs paths of bundled files, relative to the root */
export function writeNotices(root, inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match !== null) folders.add(match[1]);
  }
  const sections = [...folders]
    .map((folder) => {
      const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
      const file = readdirSync(join(root, folder)).find((name) => /^(licen[cs]e|copying)/i.test(name));
      const text =
        file !== undefined && existsSync(join(root, folder, file))
          ? readFileSync(join(root, folder, file), "utf8").trim()
          : `License: ${manifest.license ?? "see the package"}`;
      return { name: `${manifest.name} ${manifest.version}`, license: manifest.license ?? "", text };
    })
    .sort((left, right) => left.name.localeCompare(right.name));
  const body = sections.map(
    (section) =>
      `## ${section.name} (${section.license})\n\n\`\`\`\n${section.text.replaceAll("```", "'''")}\n\`\`\`\n`,
  );
  writeFileSync(
    join(root, "THIRD-PARTY-NOTICES.md"),
    `# Third-party notices\n\nThe bundle in \`dist/\` contains these packages.\n\n${body.join("\n")}`,
  );
  return sections.length;
}
