// Which places a link of a repository must not open, wherever they lie: credentials, `.git`, bmo's own data and
// configuration.

import { dirname } from "node:path";
import { userConfigPath } from "../config/paths.ts";
import { isGitPath, isProtectedPath } from "../containment/protected.ts";
import { isInside, realPathOf } from "../util/paths.ts";
import type { App } from "./app.ts";

/** @param root real path of the repository's top, or of the workspace. */
export function isClosedToProject(
  app: Pick<App, "dataDirectory" | "environment" | "home">,
  realPath: string,
  root: string,
): boolean {
  const own = [app.dataDirectory, dirname(userConfigPath(app.environment, app.home ?? ""))].map(realPathOf);
  return (
    isProtectedPath(realPath, root, app.home) ||
    isGitPath(realPath, root) ||
    own.some((folder) => isInside(folder, realPath))
  );
}
