// What every call carries before anything is said: system prompt and tools as the server saw them, bytes / 4, on each
// wire format.

import { planCall, preparePlace, resetTarget } from "./place.mjs";

const FORMATS = ["anthropic", "openai", "openai-compatible"];
const tokens = (request) => (request.systemBytes + request.toolsBytes) / 4;

export async function measureFixedTokens(harness, { benchDirectory, bin }) {
  const found = {};
  for (const type of FORMATS) {
    const mock = await harness.startMock({});
    const place = preparePlace({
      benchDirectory,
      name: `tokens-${type}`,
      adapter: harness.adapters.bmo,
      url: mock.url,
      bin,
      type,
    });
    resetTarget(place);
    mock.reset({ name: "tokens", by: "request", replies: [planCall], final: { text: "done" } }, { cwd: place.proj });
    await harness.runOnce({
      argv: [bin, "-p", "Change the lines.", "--approve"],
      env: place.env,
      cwd: place.proj,
      mock,
    });
    const [plan, execute] = mock.requests.filter((one) => one.kind === "main");
    found[type] =
      plan === undefined || execute === undefined
        ? null
        : { plan: tokens(plan), execute: tokens(execute), cacheMarkers: plan.cacheMarkers };
    await mock.close();
  }
  return found;
}
