// The end of a test run: what was left out and why, which tests needed a second try, and one plain line that counts.
// Fails the run for a test that is left out without a reason, and for too many second tries.

import type { Reporter, TestCase, TestModule, Vitest } from "vitest/node";

/** One second try is forgiven; beyond that, one in so many tests. */
const TESTS_PER_SECOND_TRY = 1000;

/** Why a test was left out, as its own title or one around it says: see need.ts. */
export function reasonOf(fullName: string): string | null {
  return /\(skipped: (.*?)\)(?= > |$)/.exec(fullName)?.[1] ?? null;
}

/** What a test said itself when it left out the rest: `context.skip("there is no …")`. */
function noteOf(test: TestCase): string | null {
  const result = test.result();
  return result.state === "skipped" ? (result.note ?? null) : null;
}

export interface RunCounts {
  passed: number;
  failed: number;
  skipped: { name: string; reason: string | null }[];
  /** Names of tests that passed at their second try. */
  secondTries: string[];
}

/**
 * What is printed, and whether the run may count as passed as far as this reporter has a say.
 * @param chosen whether the person chose tests by name: the others are left out for no reason of their own.
 */
export function judgeCounts(counts: RunCounts, chosen: boolean): { lines: string[]; ok: boolean } {
  const { passed, failed, skipped, secondTries } = counts;
  const lines: string[] = [];
  const told = chosen ? [] : skipped;
  for (const reason of new Set(told.map((one) => one.reason))) {
    const names = told.filter((one) => one.reason === reason).map(({ name }) => `  ${name}`);
    lines.push(
      `${names.length} skipped: ${reason ?? "no reason given, which fails the run (see test/support/need.ts)"}`,
      ...names,
    );
  }
  const allowed = Math.max(1, Math.floor((passed + failed) / TESTS_PER_SECOND_TRY));
  const tooMany = secondTries.length > allowed;
  if (secondTries.length > 0) {
    lines.push(
      `${secondTries.length} passed at the second try (${allowed} allowed)${tooMany ? ", which fails the run" : ""}`,
    );
    lines.push(...secondTries.map((name) => `  ${name}`));
  }
  lines.push(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  return { lines, ok: !tooMany && told.every(({ reason }) => reason !== null) };
}

export function createCountReporter(): Reporter {
  let chosen = false;
  return {
    onInit(vitest: Vitest) {
      chosen = vitest.config.testNamePattern !== undefined;
    },
    onTestRunEnd(modules: readonly TestModule[]) {
      const tests = modules.flatMap((module): { name: string; test: TestCase }[] =>
        [...module.children.allTests()].map((test) => ({
          name: `${module.relativeModuleId} > ${test.fullName}`,
          test,
        })),
      );
      const inState = (state: string): { name: string; test: TestCase }[] =>
        tests.filter(({ test }) => test.result().state === state);
      const passed = inState("passed");
      const { lines, ok } = judgeCounts(
        {
          passed: passed.length,
          failed: inState("failed").length,
          skipped: inState("skipped").map(({ name, test }) => ({
            name,
            reason: noteOf(test) ?? reasonOf(test.fullName),
          })),
          secondTries: passed.filter(({ test }) => (test.diagnostic()?.retryCount ?? 0) > 0).map(({ name }) => name),
        },
        chosen,
      );
      process.stdout.write(`\n${lines.join("\n")}\n`);
      if (!ok) process.exitCode = 1;
    },
  };
}
