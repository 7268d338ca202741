// What lies around a workspace and is shown to its commands: tool chains, the user's homes as empty places, read roots.
// Looked at once a session, secrets in it before each command. Describes only; a fence is made of it.

import { readdirSync, statSync, writeFileSync, type Dirent } from "node:fs";
import { userInfo } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { isInside, readableLinkTarget } from "../util/paths.ts";
import { HOME_CREDENTIALS, isCredentialFolder, isCredentialName, SYSTEM_CREDENTIALS } from "./protected.ts";
import { realOrNull } from "./real-path.ts";
import { boundSockets, createSurveyor, type Surveyor } from "./survey.ts";
import { prepareSettings } from "./system-settings.ts";
import { SYSTEM_ROOTS, SYSTEM_SETTINGS, toolChainPlaces } from "./tool-chains.ts";

/** A link that stands where commands look for something, outside of everything that is shown. */
export interface FenceLink {
  path: string;
  target: string;
}

export interface Surroundings {
  /** Real paths of the user's homes: $HOME and that of the user database. */
  homes: readonly string[];
  /** Real paths of the system's and the tool chains' places; a command can do without any of them. */
  readable: readonly string[];
  links: readonly FenceLink[];
  /** Copies that stand for the real thing: /etc, and the harmless part of ~/.gitconfig. */
  replaced: readonly { path: string; source: string }[];
  /** Below readable places: credentials, sockets, pipes, settings of services. */
  hidden: readonly string[];
}

export interface SurroundingsRequest {
  /** $HOME, or null. */
  home: string | null;
  environment: Readonly<Record<string, string | undefined>>;
  /** An own folder, for the copies. */
  folder: string;
}

export interface SurroundingsKeeper {
  /**
   * @param roots gives, for the real homes, the further places shown as a whole: read roots, the repository around the
   * workspace.
   */
  look(roots: (homes: readonly string[]) => readonly string[]): Promise<Surroundings>;
  /** Shows no longer what a sandbox could not be set up with; false where it was nothing of these. */
  leaveOut(path: string): boolean;
}

/** Folders of a tool chain that are searched for credentials: those a person or a login wrote lie near its top. */
const TOOL_CHAIN_DEPTH = 2;
const TOOL_CHAIN_FOLDERS = 300;

function homesOf(home: string | null): string[] {
  const named = [home, passwdHome()].filter((path) => path !== null && isAbsolute(path));
  return [...new Set(named.flatMap((path) => realOrNull(path ?? "") ?? []))].filter((path) => path !== "/");
}

function passwdHome(): string | null {
  try {
    return userInfo().homedir;
  } catch (thrown) {
    // A user id without an entry, as in many containers.
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}

/** The links on the way to a path, and where they lead. */
export function linksOn(path: string): FenceLink[] {
  const links: FenceLink[] = [];
  let current = "/";
  const waiting = path.split("/").filter((part) => part !== "");
  for (let steps = 0; waiting.length > 0 && steps < 200; steps++) {
    const part = waiting.shift() ?? "";
    if (part === ".") continue;
    const next = part === ".." ? dirname(current) : join(current, part);
    const target = readableLinkTarget(next);
    if (target === null) {
      current = next;
      continue;
    }
    links.push({ path: next, target });
    if (isAbsolute(target)) current = "/";
    waiting.unshift(...target.split("/").filter((one) => one !== ""));
  }
  return links;
}

/**
 * Whether the sandbox can see a path. Its root owns only what belongs to this user: what another user closed to others
 * stays closed there, and a mount on or from it would fail.
 */
export function isVisibleInside(path: string): boolean {
  const user = process.getuid?.() ?? 0;
  const groups = new Set([process.getgid?.() ?? 0, ...(process.getgroups?.() ?? [])]);
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    try {
      const { uid, gid, mode } = statSync(folder);
      const bits = uid === user ? mode >> 6 : groups.has(gid) ? mode >> 3 : mode;
      // Root passes its own closed folders inside as well.
      if ((bits & 1) === 0 && !(user === 0 && uid === 0 && gid === 0)) return false;
    } catch (thrown) {
      if (systemErrorCode(thrown) !== undefined) return false;
      throw thrown;
    }
    if (folder === "/") return true;
  }
}

/** Credentials, sockets and pipes in the upper folders of a tool chain. */
function secretsNear(root: string): string[] {
  const found: string[] = [];
  let waiting = [root];
  let read = 0;
  for (let depth = 0; depth < TOOL_CHAIN_DEPTH && waiting.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of waiting) {
      if (++read > TOOL_CHAIN_FOLDERS) return found;
      for (const entry of entriesOf(folder)) {
        const path = join(folder, entry.name);
        if (entry.isDirectory() && !isCredentialFolder(entry.name)) next.push(path);
        else if (entry.isSocket() || entry.isFIFO() || isCredentialFolder(entry.name) || isCredentialName(entry.name))
          found.push(path);
      }
    }
    waiting = next;
  }
  return found;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (thrown) {
    // A file, gone meanwhile, or closed to us and so to every command of ours.
    if (systemErrorCode(thrown) !== undefined) return [];
    throw thrown;
  }
}

export function createSurroundings(request: SurroundingsRequest): SurroundingsKeeper {
  const surveyors = new Map<string, Surveyor>();
  const left = new Set<string>();
  let known: (Omit<Surroundings, "hidden"> & { secrets: readonly string[] }) | null = null;

  const survey = async (root: string): Promise<string[]> => {
    const surveyor = surveyors.get(root) ?? createSurveyor(root);
    surveyors.set(root, surveyor);
    const { credentials, sockets, specials } = await surveyor.walk();
    return [...credentials, ...sockets, ...specials];
  };

  const begin = async (): Promise<NonNullable<typeof known>> => {
    const homes = homesOf(request.home);
    const home = realOrNull(request.home ?? "") ?? homes[0] ?? "/";
    const settings = join(request.folder, "etc");
    const { shown, gitConfigs } = prepareSettings(settings, home);
    const replaced = [{ path: "/etc", source: settings }];
    gitConfigs.forEach(({ path, text }, index) => {
      const source = join(request.folder, `gitconfig-${index}`);
      writeFileSync(source, text, { mode: 0o644 });
      replaced.push({ path, source });
    });
    const toolChains = [
      ...toolChainPlaces({ environment: request.environment, homes }),
      ...gitConfigs.flatMap(({ files }) => files),
    ];
    const named = [...SYSTEM_ROOTS, ...toolChains].filter((path) => realOrNull(path) !== null);
    const readable = [...new Set([...named, ...shown].flatMap((path) => realOrNull(path) ?? []))].filter(
      isVisibleInside,
    );
    const links = [...named, ...(request.home === null ? [] : [request.home])].flatMap(linksOn);
    const roots = [...new Set(toolChains.flatMap((path) => realOrNull(path) ?? []))];
    const secrets = roots
      .filter((path) => !roots.some((other) => other !== path && dirname(path) === other))
      .flatMap(secretsNear);
    return { homes, readable, links: [...new Map(links.map((link) => [link.path, link])).values()], replaced, secrets };
  };

  return {
    async look(roots) {
      known ??= await begin();
      const hidden = [
        ...SYSTEM_SETTINGS,
        ...SYSTEM_CREDENTIALS,
        ...known.secrets,
        ...boundSockets(),
        ...known.homes.flatMap((home) => HOME_CREDENTIALS.map((path) => join(home, path))),
      ];
      for (const root of roots(known.homes)) hidden.push(...(await survey(root)));
      const { homes, links, replaced } = known;
      return {
        homes,
        links,
        replaced: replaced.filter(({ path }) => !left.has(path)),
        readable: known.readable.filter((path) => !left.has(path)),
        hidden,
      };
    },
    leaveOut(path) {
      const met = [...(known?.readable ?? [])].filter(
        (one) => !left.has(one) && one !== "/usr" && (isInside(one, path) || isInside(path, one)),
      );
      for (const one of met) left.add(one);
      return met.length > 0;
    },
  };
}
