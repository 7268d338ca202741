// The /etc of a sandbox: names of users and hosts, certificates and what runtimes read, copied by a list; everything
// else of /etc stays away. And the part of the user's git configuration that holds no login.

import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { systemErrorCode } from "../util/errors.ts";
import { readableLinkTarget } from "../util/paths.ts";
import { parseGitConfig } from "./git-config.ts";
import { realOrNull } from "./real-path.ts";

const MAX_COPIED_BYTES = 1 << 20;
/** Files that are copied. */
const COPIED: readonly string[] = [
  "passwd",
  "group",
  "hosts",
  "hostname",
  "host.conf",
  "gai.conf",
  "nsswitch.conf",
  "networks",
  "protocols",
  "rpc",
  "services",
  "ethertypes",
  "localtime",
  "timezone",
  "locale.conf",
  "locale.alias",
  "ld.so.cache",
  "ld.so.conf",
  "os-release",
  "lsb-release",
  "debian_version",
  "alpine-release",
  "arch-release",
  "fedora-release",
  "redhat-release",
  "mime.types",
  "magic",
  "magic.mime",
  "inputrc",
  "profile",
  "shells",
  "paperspecs",
  "papersize",
  "manpath.config",
  "mtab",
  "mailcap",
  "mke2fs.conf",
  "libaudit.conf",
  "nanorc",
  "vdpau_wrapper.cfg",
  "maven/m2.conf",
  "maven/logging/simplelogger.properties",
  "ssl/openssl.cnf",
  "pki/tls/openssl.cnf",
  "pki/tls/cert.pem",
  "ssl/cert.pem",
  "ca-certificates.conf",
];
/** Folders that are shown as they are. */
const SHOWN: readonly string[] = [
  "alternatives",
  "ssl/certs",
  "pki/tls/certs",
  "pki/ca-trust/extracted",
  "ca-certificates",
  "crypto-policies",
  "fonts",
  "ld.so.conf.d",
  "perl",
  "python3",
  "terminfo",
  "xml",
  "sgml",
  "mono",
  "dotnet",
  "R",
  "java",
  "java-8-openjdk",
  "java-11-openjdk",
  "java-17-openjdk",
  "java-21-openjdk",
  "java-25-openjdk",
  "texmf",
  "ImageMagick-6",
  "ImageMagick-7",
  "OpenCL",
  "glvnd",
  "vulkan",
  "emacs",
  "groff",
  "static",
];

/** Text of a regular file of bounded size, or null: a pipe would be waited for. */
function bytesOf(path: string): Buffer | null {
  try {
    const facts = statSync(path, { throwIfNoEntry: false });
    return facts !== undefined && facts.isFile() && facts.size <= MAX_COPIED_BYTES ? readFileSync(path) : null;
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return null;
    throw thrown;
  }
}

/** The same, of a link that can be kept as one: into programs or /proc. */
function keptLink(path: string): string | null {
  const target = readableLinkTarget(path);
  return target !== null && /^(\/usr\/|\.\.\/usr\/|\/proc\/|\.\.\/proc\/)/.test(target) ? target : null;
}

/**
 * Fills `folder` with what commands see as /etc, without the network's resolver, which is bound where there is a
 * network.
 * @returns folders of the real /etc to be shown in it, each made as an empty one, and what the user's git configuration
 * is there.
 */
export function prepareSettings(
  folder: string,
  home: string,
): { shown: string[]; gitConfigs: (GitConfigCopy & { path: string })[] } {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const write = (name: string, content: Buffer | string): void => {
    mkdirSync(dirname(join(folder, name)), { recursive: true, mode: 0o755 });
    writeFileSync(join(folder, name), content, { mode: 0o644 });
  };
  for (const name of COPIED) {
    const link = name.includes("/") ? null : keptLink(join("/etc", name));
    const content = link === null ? bytesOf(join("/etc", name)) : null;
    if (link !== null) symlinkSync(link, join(folder, name));
    else if (content !== null) write(name, content);
  }
  write("resolv.conf", "");
  let included = 0;
  const save = (text: string): string => {
    const name = `git-included-${included++}`;
    write(name, text);
    return join("/etc", name);
  };
  const system = harmlessGitConfig("/etc/gitconfig", home, save);
  if (system !== null) write("gitconfig", system.text);
  const shown: string[] = [];
  for (const name of SHOWN.filter((one) => isFolder(join("/etc", one)))) {
    const link = readableLinkTarget(join("/etc", name));
    mkdirSync(dirname(join(folder, name)), { recursive: true, mode: 0o755 });
    if (link !== null) symlinkSync(link, join(folder, name));
    else {
      mkdirSync(join(folder, name), { mode: 0o755 });
      shown.push(join("/etc", name));
    }
  }
  const gitConfigs = [".gitconfig", ".config/git/config"].flatMap((name) => {
    const copy = harmlessGitConfig(join(home, name), home, save);
    return copy === null ? [] : [{ path: join(home, name), ...copy }];
  });
  return { shown, gitConfigs };
}

function isFolder(path: string): boolean {
  const real = realOrNull(path);
  return real !== null && statSync(real, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Keys of a user's git configuration that change what git does and tell nothing secret. */
const GIT_KEYS = [
  /^(user|author|committer)\.(name|email|signingkey|useconfigonly)$/,
  /^core\.(autocrlf|eol|safecrlf|filemode|ignorecase|quotepath|precomposeunicode|symlinks|whitespace|abbrev|commentchar|longpaths|excludesfile|attributesfile|untrackedcache)$/,
  /^(init|commit|tag|merge|log|status|pull|fetch|rebase|branch|color|column|advice|rerere|i18n|submodule|feature|index|versionsort|safe|stash|apply|am|format)\.([^\n]+\.)?[a-z]+$/,
  /^push\.(default|autosetupremote|followtags)$/,
  /^diff\.(?!.*(command|textconv|external)$)([^\n]+\.)?[a-z]+$/,
  /^gpg\.format$/,
  /^filter\.[^\n]+\.(clean|smudge|process|required)$/,
];
const SECRET_VALUE = /:\/\/[^/\s]*@|token|secret|passw|extraheader/i;

const INCLUDE = /^include(if\.[^\n]+)?\.path$/;
const MAX_INCLUDED = 20;

function unquoted(value: string): string {
  return value.replace(/^"(.*)"$/, "$1");
}

function homePath(value: string, home: string, beside: string): string {
  const path = unquoted(value).replace(/^~(?=\/)/, home);
  return isAbsolute(path) ? path : join(beside, path);
}

function configLine(key: string, value: string): string {
  const [section = "", ...rest] = key.split(".");
  const name = rest.pop() ?? "";
  const sub = rest.length === 0 ? "" : ` "${rest.join(".").replace(/(["\\])/g, "\\$1")}"`;
  return `[${section}${sub}]\n\t${name} = ${value}`;
}

export interface GitConfigCopy {
  text: string;
  /** Files it names for what git ignores and how it treats files. */
  files: string[];
}

/**
 * The harmless part of a git configuration file, or null where there is none. What it includes is copied in the same
 * way.
 * @param save keeps an included file's text and gives the path under which commands find it.
 */
export function harmlessGitConfig(
  path: string,
  home: string,
  save: (text: string) => string,
  seen: Set<string> = new Set(),
): GitConfigCopy | null {
  const text = seen.has(path) || seen.size > MAX_INCLUDED ? undefined : bytesOf(path)?.toString("utf8");
  seen.add(path);
  if (text === undefined) return null;
  const lines: string[] = [];
  const files: string[] = [];
  for (const { key, value } of parseGitConfig(text)) {
    if (INCLUDE.test(key)) {
      const included = harmlessGitConfig(homePath(value, home, dirname(path)), home, save, seen);
      if (included === null) continue;
      lines.push(configLine(key, save(included.text)));
      files.push(...included.files);
    } else if (GIT_KEYS.some((allowed) => allowed.test(key)) && !SECRET_VALUE.test(value) && !SECRET_VALUE.test(key)) {
      lines.push(configLine(key, value));
      if (/^core\.(excludes|attributes)file$/.test(key)) files.push(homePath(value, home, home));
    }
  }
  return { text: `${lines.join("\n")}\n`, files };
}
