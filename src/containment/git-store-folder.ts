// The folder of a private git store: its configuration, which obeys nothing of the tree's or of the user's, and what a
// killed process left in it.

import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adoptRepository } from "./git-adoption.ts";

const CONFIG = `[core]
\trepositoryformatversion = 0
\tbare = false
\tfilemode = true
\tsymlinks = true
\tautocrlf = false
\tsafecrlf = false
\tfsmonitor = false
\thooksPath = /dev/null
\tsharedRepository = 0600
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\tcompression = 0
\tlooseCompression = 0
\tpreloadIndex = true
\tquotePath = false
\tfsync = none
\tprecomposeunicode = false
\tprotectNTFS = false
\tprotectHFS = false
\tignorecase = false
\tbigFileThreshold = 16m
[gc]
\tauto = 0
[index]
\tversion = 4
\tskipHash = true
[maintenance]
\tauto = false
`;
/** Bytes are kept as they are, whatever the tree's own attributes say. */
const ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding -crlf -diff -merge -export-subst\n";
/** A lock this old was left by a process that was killed. */
const STALE_LOCK_MS = 60_000;

/**
 * Makes the store where it is missing. `adopted`: it borrows the objects of the user's repository.
 * @param options the tree's real path, its own folder in the data directory, and the user's home.
 */
export function prepareFolder(options: { tree: string; folder: string; home: string | null }): {
  gitFolder: string;
  adopted: boolean;
} {
  const gitFolder = join(options.folder, "git");
  let adopted = false;
  if (!existsSync(join(gitFolder, "HEAD"))) {
    for (const folder of ["objects/info", "objects/pack", "refs/heads", "info"])
      mkdirSync(join(gitFolder, folder), { recursive: true, mode: 0o700 });
    adopted = adoptRepository(options.tree, options.home, gitFolder);
    writeFileSync(join(gitFolder, "HEAD"), "ref: refs/heads/none\n", { mode: 0o600 });
  }
  writeFileSync(join(gitFolder, "config"), CONFIG, { mode: 0o600 });
  writeFileSync(join(gitFolder, "info/attributes"), ATTRIBUTES, { mode: 0o600 });
  const lock = statSync(join(gitFolder, "index.lock"), { throwIfNoEntry: false });
  if (lock !== undefined && Date.now() - lock.mtimeMs > STALE_LOCK_MS)
    rmSync(join(gitFolder, "index.lock"), { force: true });
  return { gitFolder, adopted };
}
