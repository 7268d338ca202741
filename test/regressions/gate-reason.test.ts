// The event of the gate says why the gate decided, not why the model was chosen.

import { expect, test } from "vitest";
import { scene } from "../e2e/scenario.ts";

test.each([
  ["fix the bug in src/a.ts", "escalate", /^it holds a path or a file$/],
  ["hello there", "stay", /^reads as talk \(\d+ %/],
])("%s: %s", async (prompt, decision, reason) => {
  const { place } = await scene({ replies: [{ text: "An answer." }] });
  const finished = await place.run(["--preset", "gated", "--output-format", "stream-json", "-p", prompt]);
  const events = finished.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string });
  expect(events.filter((event) => event.type === "gate_decision")).toEqual([
    { type: "gate_decision", turn: 1, decision, reason: expect.stringMatching(reason) as unknown, preview: prompt },
  ]);
});
