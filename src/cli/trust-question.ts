// Asks whether this directory's project configuration may count. Only where there is something to trust, and again when
// that changes: a yes and a no are kept, no answer only for this run.

import { createTrustStore } from "../containment/trust.ts";
import type { App } from "./app.ts";
import type { Ask } from "../types/permission.ts";

/** `unanswered` holds the digests that were asked about in this run without an answer; added to here. */
export async function settleTrust(app: App, ask: Ask, unanswered: Set<string>): Promise<void> {
  const trust = app.loaded().trust ?? null;
  if (trust === null) return;
  const store = createTrustStore(app.dataDirectory);
  const { directory, digest, items } = trust;
  const refused = store.isRefused(directory, digest);
  // The flag says otherwise: the next start without it asks again.
  if (refused && app.line.trust) store.revoke(directory);
  if (trust.trusted || app.line.trust || refused || unanswered.has(digest)) return;
  const reply = await ask({ kind: "trust", directory, items }, new AbortController().signal);
  if (reply.answer === "deny") store.refuse(directory, digest);
  else if (reply.answer !== "allow_once" && reply.answer !== "allow_session" && reply.answer !== "allow_project")
    unanswered.add(digest);
  else {
    if (reply.answer === "allow_project") store.trust(directory, digest);
    else app.trustedOnce.add(digest);
    await app.reload(true);
  }
}
