// Which paths are credentials, by name and place. Pure; the sandbox masks them, tools and verdicts skip them.

import { basename, join, relative, sep } from "node:path";
import { isInside } from "../util/paths.ts";

/** File names that are credentials wherever they lie. Lower case. */
const NAMES = new Set([
  ".npmrc",
  ".yarnrc",
  ".yarnrc.yml",
  ".netrc",
  "_netrc",
  ".pypirc",
  ".pgpass",
  ".my.cnf",
  ".git-credentials",
  ".dockercfg",
  ".dockerconfigjson",
  ".htpasswd",
  ".vault-token",
  ".boto",
  ".s3cfg",
  ".databrickscfg",
  ".terraformrc",
  "credentials.tfrc.json",
  ".sentryclirc",
  ".envrc",
  "secrets.yml",
  "secrets.yaml",
  "secrets.json",
  "secrets.toml",
  "credentials.json",
  "service-account.json",
  "serviceaccount.json",
  "terraform.tfstate",
  "terraform.tfstate.backup",
  "google-services-key.json",
  "id_rsa",
  "id_dsa",
  "id_ecdsa",
  "id_ed25519",
  "id_ecdsa_sk",
  "id_ed25519_sk",
  "keystore.jks",
  "master.key",
  "kubeconfig",
  ".kubeconfig",
  "wallet.dat",
]);
/** From the last dot on: a walk asks about every file of a tree. */
const ENDINGS = new Set([
  ".pem",
  ".key",
  ".p12",
  ".pfx",
  ".p8",
  ".ppk",
  ".jks",
  ".keystore",
  ".kdbx",
  ".gpg-key",
  ".agekey",
  ".tfvars",
]);
/** Directories that hold credentials wherever they lie. */
const FOLDERS = new Set([".ssh", ".aws", ".azure", ".gnupg", ".kube", ".password-store", ".docker"]);
const HARMLESS_ENV = /^\.env[\w.-]*\.(example|sample|template|dist|defaults)$/;
/** `.environment` and its like are other words; copies and numbered ones are not. */
const ENV = /^\.env(rc)?($|[^a-z])/;

/** Below the home directory: credentials of tools, shells' histories, browsers' profiles. */
export const HOME_CREDENTIALS: readonly string[] = [
  ".ssh",
  ".aws",
  ".azure",
  ".gnupg",
  ".kube",
  ".docker",
  ".password-store",
  ".config/gh",
  ".config/hub",
  ".config/gcloud",
  ".config/op",
  ".config/git/credentials",
  ".config/bmo",
  ".local/state/bmo",
  ".config/doctl",
  ".config/heroku",
  ".config/flyctl",
  ".fly",
  ".config/rclone",
  ".config/containers/auth.json",
  ".config/sops",
  ".config/github-copilot",
  ".config/anthropic",
  ".config/openai",
  ".claude",
  ".claude.json",
  ".codex",
  ".gemini",
  ".config/opencode",
  ".local/share/opencode",
  ".netrc",
  ".npmrc",
  ".yarnrc",
  ".yarnrc.yml",
  ".pypirc",
  ".pgpass",
  ".my.cnf",
  ".git-credentials",
  ".dockercfg",
  ".vault-token",
  ".boto",
  ".s3cfg",
  ".databrickscfg",
  ".terraform.d/credentials.tfrc.json",
  ".terraformrc",
  ".cargo/credentials",
  ".cargo/credentials.toml",
  ".gem/credentials",
  ".m2/settings.xml",
  ".m2/settings-security.xml",
  ".gradle/gradle.properties",
  ".nuget/NuGet/NuGet.Config",
  ".composer/auth.json",
  ".config/composer/auth.json",
  ".snowflake",
  ".oci",
  ".bash_history",
  ".zsh_history",
  ".node_repl_history",
  ".python_history",
  ".psql_history",
  ".mysql_history",
  ".local/share/keyrings",
  ".mozilla",
  ".config/google-chrome",
  ".config/chromium",
  ".config/BraveSoftware",
  ".thunderbird",
  "Library/Keychains",
  ".electrum",
  ".bitcoin",
  ".ethereum",
  ".env",
];
/** Of the machine. */
export const SYSTEM_CREDENTIALS: readonly string[] = [
  "/etc/shadow",
  "/etc/gshadow",
  "/etc/shadow-",
  "/etc/gshadow-",
  "/etc/ssl/private",
  "/etc/sudoers",
  "/etc/sudoers.d",
  "/root/.ssh",
];

/** Public halves and certificates are no secrets. */
const HARMLESS_NAME = /(\.pub|[-_.](cert|ca|chain|public|pub)\.pem|^(cert|ca|fullchain|chain|cacert|public|pub)\.pem)$/;

export function isCredentialName(name: string): boolean {
  const lower = name.normalize("NFC").toLowerCase();
  if (ENV.test(lower)) return !HARMLESS_ENV.test(lower);
  if (NAMES.has(lower)) return true;
  const dot = lower.lastIndexOf(".");
  return dot !== -1 && ENDINGS.has(lower.slice(dot)) && !HARMLESS_NAME.test(lower);
}

/** Whether a folder of that name holds credentials wherever it lies. */
export function isCredentialFolder(name: string): boolean {
  return FOLDERS.has(name.toLowerCase());
}

/**
 * Whether a real path is a credential: by its own name, by a folder above it, or by its place below home or in the
 * system.
 */
export function isProtectedPath(realPath: string, workspace: string, home: string | null): boolean {
  if (isCredentialName(basename(realPath))) return true;
  const below = isInside(workspace, realPath) ? relative(workspace, realPath) : realPath;
  if (below.split(sep).some(isCredentialFolder)) return true;
  if (
    home !== null &&
    isInside(home, realPath) &&
    !isInside(workspace, realPath) &&
    HOME_CREDENTIALS.some((path) => isInside(join(home, path), realPath))
  )
    return true;
  return (
    SYSTEM_CREDENTIALS.some((path) => isInside(path, realPath)) ||
    /^\/proc\/(self|thread-self|\d+)\/(environ|mem|cmdline|fd)(\/|$)/.test(realPath)
  );
}

/** Whether a workspace path is a `.git`, lies below one, or is the administrative directory that one points to. */
export function isGitPath(realPath: string, workspace: string): boolean {
  return (
    isInside(workspace, realPath) &&
    relative(workspace, realPath)
      .split(sep)
      .some((part) => part.toLowerCase() === ".git")
  );
}
