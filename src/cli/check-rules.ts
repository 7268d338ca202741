// Reads the permission rules of the configuration when it is loaded: a rule with a slip must be said at once, not when
// a tool is first called.

import { parseRule } from "../permission/rules.ts";
import { BmoError } from "../util/errors.ts";
import type { LoadedSettings } from "../types/settings.ts";

/** Hands back what it was given. @throws BmoError configuration that names where the rule stands. */
export function checkRules(loaded: LoadedSettings): LoadedSettings {
  for (const list of ["allow", "deny"] as const) {
    for (const rule of loaded.settings.permissions[list]) {
      try {
        parseRule(rule);
      } catch (thrown) {
        if (!(thrown instanceof BmoError)) throw thrown;
        const key = `permissions.${list}`;
        throw new BmoError(
          "configuration",
          `${loaded.origins[key] ?? "configuration"}: ${key}: ${thrown.message}`,
          thrown.hint,
          { cause: thrown },
        );
      }
    }
  }
  return loaded;
}
