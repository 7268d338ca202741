// Makes a failed part of a shell command line visible: the shell reports on a channel of its own, the command keeps its
// meaning.

/** File descriptor of the report; high, so that no script's `exec 3>…` meets it. */
export const REPORT_DESCRIPTOR = 19;
const MOST_PARTS = 5;

export interface FailedPart {
  /** The failed command; of a pipeline its last command. */
  command: string;
  /** Exit status of each command of the pipeline. */
  statuses: number[];
}

/**
 * Statements that fail in the middle come from an ERR trap (which leaves conditions alone); pipelines whose last
 * command hides a failure come from PIPESTATUS. Neither trap changes `$?`, the exit code, or a variable that scripts
 * use.
 */
const REPORT = `printf "%s\\t%s\\0" "$__bmo_now" "$__bmo_last" 2>/dev/null >&${REPORT_DESCRIPTOR} || :`;
const CHECK_PIPELINE = `__bmo_now="\${PIPESTATUS[*]}"; case "$__bmo_now" in "$__bmo_seen") ;; *[1-9]*" 0") ${REPORT} ;; esac; __bmo_seen=$__bmo_now`;
const PRELUDE = [
  "__bmo_now= __bmo_seen= __bmo_last=",
  `trap 'printf "%s\\t%s\\0" "\${PIPESTATUS[*]}" "$BASH_COMMAND" 2>/dev/null >&${REPORT_DESCRIPTOR} || :' ERR`,
  `trap '${CHECK_PIPELINE}' EXIT`,
  `trap '${CHECK_PIPELINE}; __bmo_last=$BASH_COMMAND' DEBUG`,
].join("; ");

/** Whether more than one command runs, and nothing that a trap would disturb. */
function wantsReport(command: string): boolean {
  return (
    /[|;&\n]/.test(command) &&
    !/\b(trap|xtrace|functrace|errtrace|PIPESTATUS|BASH_COMMAND|BASH_ENV)\b|\bset\s+[-+]\w*[xTE]|\bbash\s+-\w*x/.test(
      command,
    )
  );
}

/**
 * An empty record, before anything of the command runs: what comes between bmo and the shell, such as a sandbox, has
 * been set up.
 */
const BEGIN = `printf "\\0" >&${REPORT_DESCRIPTOR}`;

/**
 * The argument list that runs a command line in bash: no profile, stderr joined to stdout in true order. The report
 * goes to REPORT_DESCRIPTOR, which `runProcess` opens; without it the traps fail silently into the closed descriptor.
 */
export function shellArguments(command: string, shell = "/bin/bash"): string[] {
  const report = wantsReport(command) ? `{ : >&${REPORT_DESCRIPTOR}; } 2>/dev/null && { ${PRELUDE}; }; ` : "";
  return [shell, "--noprofile", "--norc", "-c", `exec 2>&1; { ${BEGIN}; } 2>/dev/null; ${report}:\n${command}`];
}

/** Reads what the traps wrote. The last part is dropped where it only repeats the exit code of the whole. */
export function readReport(text: string, exitCode: number | null): FailedPart[] {
  const parts: FailedPart[] = [];
  for (const record of text.split("\0")) {
    const tab = record.indexOf("\t");
    if (tab < 0) continue;
    const statuses = record.slice(0, tab).split(" ").map(Number);
    // 141 = ended by SIGPIPE: `yes | head -1` is no failure.
    if (statuses.every((status) => status === 0 || status === 141)) continue;
    const part = { command: record.slice(tab + 1), statuses };
    if (!parts.some((one) => one.command === part.command && one.statuses.join() === part.statuses.join()))
      parts.push(part);
  }
  const last = parts.at(-1);
  if (last !== undefined && last.statuses.length === 1 && last.statuses[0] === exitCode && exitCode !== 0) parts.pop();
  return parts.slice(0, MOST_PARTS);
}

/** One sentence per failed part, for the notes of a result. */
export function describePart(part: FailedPart): string {
  const name = part.command.length > 120 ? `${part.command.slice(0, 119)}…` : part.command;
  if (part.statuses.length === 1) return `part failed with exit code ${part.statuses[0]}: ${name}`;
  return `pipeline ending in \`${name}\`: exit codes of its parts ${part.statuses.join(" | ")}`;
}
