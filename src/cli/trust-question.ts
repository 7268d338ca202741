// Asks whether this directory's project configuration may count. Only where there is something to trust, and again when
// that changes.

import { createTrustStore } from "../containment/trust.ts";
import type { App } from "./app.ts";
import type { Ask } from "../types/permission.ts";

export async function settleTrust(app: App, ask: Ask): Promise<void> {
  const trust = app.loaded().trust ?? null;
  if (trust === null || trust.trusted || app.line.trust) return;
  const reply = await ask({ kind: "trust", directory: trust.directory, items: trust.items }, new AbortController().signal);
  if (reply.answer !== "allow_once" && reply.answer !== "allow_session" && reply.answer !== "allow_project") return;
  if (reply.answer === "allow_project") createTrustStore(app.dataDirectory).trust(trust.directory, trust.digest);
  else app.trustedOnce.add(trust.digest);
  await app.reload(true);
}
