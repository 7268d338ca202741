// The ledger of a run: which caps hold, and which model the baseline is.

import { randomBytes } from "node:crypto";
import { createLedger, type Ledger } from "../ledger/ledger.ts";
import { namedModels } from "../router/phase-router.ts";
import { BmoError } from "../util/errors.ts";
import type { App } from "./app.ts";
import type { ModelInfo } from "../types/provider.ts";
import { keyCalls } from "../session/state.ts";
import type { SessionLog } from "../session/log.ts";
import type { LoadedSettings } from "../types/settings.ts";

interface Baseline {
  fixed: ModelInfo | null;
  candidates: readonly ModelInfo[];
}

function resolveOrNull(app: App, name: string, where: string): ModelInfo | null {
  try {
    return app.registry().resolve(name, where, true).model;
  } catch (thrown) {
    // A name that nobody serves is reported where it is used; here it only cannot be a baseline.
    if (thrown instanceof BmoError) return null;
    throw thrown;
  }
}

function baselineOf(app: App): Baseline {
  const { settings } = app.loaded();
  const wanted = settings.options.phase_router.baseline_model;
  const fixed = wanted === null ? null : resolveOrNull(app, wanted, "options.phase_router.baseline_model");
  const candidates = namedModels(settings).flatMap((name) => resolveOrNull(app, name, "baseline") ?? []);
  return { fixed, candidates };
}

/** @param runCapUsd what this run may cost at most; null = as configured. */
export function createAccounting(app: App, log: SessionLog, runCapUsd: number | null): Ledger {
  let known: { loaded: LoadedSettings; baseline: Baseline } | null = null;
  const ledger = createLedger({
    caps: () => app.loaded().settings.options.budget,
    runCapUsd,
    baseline() {
      const loaded = app.loaded();
      if (known?.loaded !== loaded) known = { loaded, baseline: baselineOf(app) };
      return known.baseline;
    },
    now: () => new Date(),
    newId: (prefix) => `${prefix}_${randomBytes(6).toString("hex")}`,
  });
  const before = log.state;
  ledger.restore(
    () => log.ledger(before),
    keyCalls(before),
    (name) => resolveOrNull(app, name, "session"),
  );
  return ledger;
}
