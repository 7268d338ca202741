// Says which providers replay replies from a file: they must not pass for models.

import type { App } from "./app.ts";

export function scriptedNotice(app: App): string[] {
  const scripted = Object.entries(app.loaded().settings.providers).flatMap(([id, provider]) =>
    provider.type === "script" ? [id] : [],
  );
  return scripted.length === 0
    ? []
    : [`scripted, not a model: what ${scripted.join(", ")} answers is replayed from a file`];
}
