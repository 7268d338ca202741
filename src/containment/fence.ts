// What the commands of a stage may read, write, hide and reach: one description, from which each system's sandbox is
// driven. What it does not name is not there. Starts nothing.

import { statSync } from "node:fs";
import { dirname } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { isInside } from "../util/paths.ts";
import { boundMasks } from "./bounded-masks.ts";
import type { GitWork } from "./git-command.ts";
import { gitPlaces } from "./git-fence.ts";
import { realOrNull } from "./real-path.ts";
import type { Survey } from "./survey.ts";
import { isVisibleInside, type FenceLink, type Surroundings } from "./surroundings.ts";
import type { WorkStage } from "../types/plan.ts";

export interface SandboxRequest {
  /** `plan`: nothing but the private temp can be written. Else the workspace can. */
  stage: WorkStage;
  workspace: string;
  /** Where the command starts; inside the workspace or a read root. */
  readRoots: string[];
  /** Only in the execute and chat stages; the plan stage never has a network. */
  network: boolean;
  /** An own folder that becomes /tmp; it lives as long as the session. */
  privateTemp: string;
  /** An empty file that covers masked ones. */
  emptyFile: string;
  /** Further places that hold secrets: bmo's own data and configuration. */
  hidden: string[];
  survey: Survey;
  /**
   * Folders of the repository outside the workspace (worktrees, a repository above), which git must write to commit.
   */
  gitFolders: string[];
  /**
   * Top of the repository that the workspace belongs to: with the rest of it hidden, git would take its files for
   * deleted.
   */
  workTree: string | null;
  /**
   * What of the repository this command may write, as a line of git's own work; null: nothing. Hooks and configuration
   * stay closed.
   */
  gitWork: GitWork | null;
}

/** A place and all below it, until a deeper place says otherwise. */
export interface FencePlace {
  path: string;
  /** `hidden`: nothing of what is there; `empty`: an empty folder, also where nothing is shown around it. */
  access: "read" | "write" | "hidden" | "empty";
  /** What is shown there, where it is not the thing itself. */
  source?: string;
}

export interface Fence {
  workspace: string;
  /** Outer ones first. */
  places: readonly FencePlace[];
  links: readonly FenceLink[];
  privateTemp: string;
  emptyFile: string;
  network: boolean;
  /**
   * Whether sockets with a path name can be made. They could reach those of other processes, so the plan stage has
   * none.
   */
  unixSockets: boolean;
  /** Folders of which nothing is shown, because they hold more to be hidden than a sandbox can be told one by one. */
  closedFolders: readonly string[];
}

/** Strictest last: it wins where two are said of one path. */
const STRICTNESS: readonly FencePlace["access"][] = ["write", "read", "empty", "hidden"];

function depth(path: string): number {
  return path === "/" ? 0 : path.split("/").length - 1;
}

/** Read roots and the rest of the repository; never a whole home that happens to be a repository. */
export function shownRoots(
  request: Pick<SandboxRequest, "readRoots" | "workTree" | "workspace" | "gitFolders">,
  homes: readonly string[],
): string[] {
  const repository = [request.workTree, ...request.gitFolders].filter(
    (path) => path !== null && !isInside(request.workspace, path) && !homes.some((home) => isInside(path, home)),
  );
  return [...new Set([...request.readRoots, ...repository].flatMap((path) => realOrNull(path ?? "") ?? []))].filter(
    (path) => !isInside(request.workspace, path),
  );
}

/** The place of a path or, where none is named, of the closest folder around. */
function nearest(places: ReadonlyMap<string, FencePlace>, path: string): FencePlace | undefined {
  for (let folder = path; ; folder = dirname(folder)) {
    const place = places.get(folder);
    if (place !== undefined || folder === dirname(folder)) return place;
  }
}

/** One place for each path, the strictest; outer ones first. What only says again what is around it is left out. */
function ordered(places: readonly FencePlace[]): FencePlace[] {
  const strictest = new Map<string, FencePlace>();
  for (const place of places) {
    const other = strictest.get(place.path);
    if (other === undefined || STRICTNESS.indexOf(place.access) >= STRICTNESS.indexOf(other.access))
      strictest.set(place.path, place);
  }
  const kept = new Map<string, FencePlace>();
  for (const place of [...strictest.values()].sort((a, b) => depth(a.path) - depth(b.path))) {
    const around = nearest(kept, place.path);
    const same =
      around !== undefined &&
      around.access === place.access &&
      around.source === undefined &&
      place.source === undefined;
    // Nothing has to be hidden where nothing is shown, or something else in its stead.
    const isShown =
      around !== undefined && around.source === undefined && (around.access === "read" || around.access === "write");
    const covers = place.access !== "hidden" || isShown;
    if (!same && covers) kept.set(place.path, place);
  }
  return [...kept.values()];
}

export function describeFence(request: SandboxRequest, surroundings: Surroundings): Fence {
  const { workspace, survey } = request;
  const roots = shownRoots(request, surroundings.homes);
  const read = (path: string): FencePlace => ({ path, access: "read" });
  const shownWhole = [workspace, ...roots];
  const homes = surroundings.homes.filter((home) => !shownWhole.some((root) => isInside(root, home)));
  const network = request.network && request.stage !== "plan";
  const seenFolders = new Map<string, boolean>();
  const isVisible = (path: string): boolean => {
    const folder = dirname(path);
    const known = seenFolders.get(folder) ?? isVisibleInside(path);
    seenFolders.set(folder, known);
    return known;
  };
  const found = [
    ...request.hidden,
    ...surroundings.hidden,
    ...survey.credentials,
    ...survey.sockets,
    ...survey.specials,
  ]
    .flatMap((path) => realOrNull(path) ?? [])
    .filter((path) => path !== workspace && isVisible(path));
  const resolver = network ? realOrNull("/etc/resolv.conf") : null;
  const git = request.stage === "plan" ? [] : gitPlaces(request);
  const { paths: hidden, folders: closedFolders } = boundMasks(found, [
    ...shownWhole,
    ...surroundings.readable,
    ...git.map(({ path }) => path),
  ]);
  const places = ordered([
    ...["/tmp", "/var/tmp"].map((path): FencePlace => ({ path, access: "write", source: request.privateTemp })),
    ...surroundings.readable.map(read),
    ...surroundings.replaced
      .filter(({ path }) => !shownWhole.some((root) => isInside(root, path)))
      .map(({ path, source }): FencePlace => ({ path, access: "read", source })),
    ...(resolver === null ? [] : [{ path: "/etc/resolv.conf", access: "read", source: resolver } as const]),
    // What git has to write is not shown for reading a second time: the strictest would win.
    ...roots.filter((path) => !git.some((place) => place.access === "write" && place.path === path)).map(read),
    { path: workspace, access: request.stage === "plan" ? "read" : "write" },
    ...git,
    ...hidden.map((path): FencePlace => ({ path, access: "hidden" })),
    ...["/run", "/var", ...homes].map((path): FencePlace => ({ path, access: "empty" })),
  ]);
  const isShown = (path: string): boolean =>
    places.some((place) => isInside(place.path, path) && (place.access === "read" || place.access === "write"));
  return {
    workspace,
    places,
    network,
    privateTemp: request.privateTemp,
    emptyFile: request.emptyFile,
    links: surroundings.links.filter(({ path }) => !isShown(path)),
    unixSockets: request.stage !== "plan",
    closedFolders,
  };
}

/** Whether a hidden place is a folder; what cannot be looked at counts as a file. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}
