// A write that the read-only sandbox of the plan stage refused is recorded, and still makes no exit code 4.

import { expect, test } from "vitest";
import { startVendorServer } from "../support/vendor-server.ts";
import { createPlace, providerToml } from "../e2e/harness.ts";
import { needBubblewrap } from "../support/need.ts";

const bubblewrap = needBubblewrap();

test.skipIf(bubblewrap.missing)(
  bubblewrap.title("a refused write of the plan stage stands among the denials"),
  async () => {
    const server = await startVendorServer({
      replies: (request) =>
        request.toolResults.length === 0
          ? { calls: [{ name: "bash", input: { command: "echo x > new.txt; ls" } }] }
          : { text: "Nothing to plan." },
    });
    const place = createPlace();
    place.file("a.txt", "a\n");
    place.configure(`model = "p/m"\n${providerToml("p", "anthropic", server.url, ["m"])}`);
    const before = place.digest();
    const finished = await place.run(["-p", "--json", "look"]);
    expect(finished.code).toBe(0);
    expect(place.digest()).toBe(before);
    const result = JSON.parse(finished.stdout) as { denials: unknown[] };
    expect(result.denials).toEqual([
      {
        tool: "bash",
        summary: "echo x > new.txt; ls",
        reason: "the sandbox refused a write: nothing can be written before a plan is approved",
      },
    ]);
    await server.close();
  },
);
