// Data: programs that start other programs, and where on their command line those are named. For deny rules: what is
// not in the table is not taken as harmless, its words are searched for the denied name instead.

export interface Runner {
  /** Options whose value is the next word (or is glued to a short option). */
  valued?: string;
  /** Words of its own before the program. */
  operands?: number;
  /** `NAME=value` words may come before the program. */
  assignments?: boolean;
  /** Options whose value is a line for a shell. */
  shell?: string;
  /** The words behind the options are joined into a line for a shell. */
  joins?: boolean;
  /** With one of these options nothing is started. */
  lists?: string;
  /** Further words come from elsewhere: what the program gets is not known to the end. */
  open?: boolean;
  /** A line for a shell, whatever the options; then the rest cannot be judged. */
  unjudged?: string;
}

const REMOTE = "it runs words on another machine";
const OWN_LANGUAGE = "its own commands start programs";

export const RUNNERS: Readonly<Record<string, Runner>> = {
  sudo: {
    valued:
      "-u -g -h -p -C -r -t -T -U -D -R --user --group --host --prompt --close-from --role --type --other-user --chdir --chroot",
    assignments: true,
  },
  doas: { valued: "-u -C", assignments: true },
  pkexec: { valued: "--user" },
  gosu: { operands: 1 },
  "su-exec": { operands: 1 },
  fakeroot: { valued: "-l -s -i -b --lib --faked" },
  env: { valued: "-u -C --unset --chdir", shell: "-S --split-string", assignments: true },
  nohup: {},
  time: { valued: "-f -o --format --output" },
  timeout: { valued: "-k -s --kill-after --signal", operands: 1 },
  gtimeout: { valued: "-k -s", operands: 1 },
  nice: { valued: "-n --adjustment" },
  ionice: { valued: "-c -n -p -P -u --class --classdata" },
  chrt: { valued: "-T -P -D", operands: 1 },
  taskset: { valued: "-p", operands: 1 },
  setsid: {},
  stdbuf: { valued: "-i -o -e --input --output --error" },
  unbuffer: {},
  setarch: { operands: 1 },
  linux32: {},
  linux64: {},
  i386: {},
  x86_64: {},
  setpriv: {
    valued:
      "--reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits --pdeathsig --selinux-label --apparmor-profile",
  },
  numactl: { valued: "-i -m -N -C -p" },
  prlimit: { valued: "-p" },
  catchsegv: {},
  eatmydata: {},
  strace: { valued: "-o -e -p -s -u -E -P -a -b -I -O -S -X" },
  ltrace: { valued: "-o -e -p -s -u -n -a -l -x -A -D -F" },
  valgrind: {},
  perf: { operands: 1 },
  rlwrap: {},
  torsocks: {},
  proxychains: { valued: "-f" },
  proxychains4: { valued: "-f" },
  "dbus-run-session": { valued: "--config-file --dbus-daemon" },
  "xvfb-run": { valued: "-n -s -e -f -p -w" },
  "systemd-run": {
    valued: "-p -E -u -t -M -H -G --unit --property --setenv --slice --uid --gid --description --working-directory",
  },
  "systemd-inhibit": {},
  cgexec: { valued: "-g" },
  firejail: {},
  proot: { valued: "-r -b -q -w -S -R" },
  command: { lists: "-v -V" },
  builtin: {},
  exec: { valued: "-a" },
  noglob: {},
  nocorrect: {},
  "-": {},
  xargs: {
    valued:
      "-I -n -P -L -d -a -E -s --max-args --max-procs --max-lines --delimiter --arg-file --eof --max-chars --replace",
    open: true,
  },
  busybox: { lists: "--list --help --list-full --install" },
  toybox: { lists: "--help --version" },
  coreutils: { shell: "--coreutils-prog" },
  chroot: { valued: "--userspec --groups", operands: 1 },
  unshare: {
    valued:
      "-S -G -R -w --setuid --setgid --root --wd --propagation --map-user --map-group --map-users --map-groups --setgroups --load-interp --monotonic --boottime",
  },
  nsenter: { valued: "-t -S -G --target --setuid --setgid" },
  flock: { valued: "-w -E --timeout --conflict-exit-code", operands: 1, shell: "-c --command" },
  watch: { valued: "-n --interval -q --equexit", joins: true },
  script: {
    valued: "-o -E -I -O -B -T -t -m --echo --log-in --log-out --log-io --log-timing --logging-format --output-limit",
    shell: "-c --command",
    operands: 1,
  },
  su: {
    valued: "-g -G -s -w --group --supp-group --shell --whitelist-environment",
    shell: "-c --command --session-command",
    operands: 1,
  },
  runuser: { valued: "-u -g -G -s -w --user --group --supp-group --shell", shell: "-c --command --session-command" },
  sg: { operands: 1, shell: "-c" },
  parallel: { joins: true, unjudged: "it builds commands out of what it reads" },
  npx: { valued: "-p --package", shell: "-c --call" },
  bunx: { valued: "-p --package" },
  "cross-env": { assignments: true },
  "cross-env-shell": { assignments: true, joins: true },
  entr: { open: true },
  start_stop_daemon: { unjudged: OWN_LANGUAGE },
  "start-stop-daemon": { unjudged: OWN_LANGUAGE },
  ssh: { joins: true, unjudged: REMOTE },
  mosh: { unjudged: REMOTE },
  rsh: { unjudged: REMOTE },
  scp: { valued: "", shell: "-S", unjudged: REMOTE },
  sftp: { unjudged: REMOTE },
  telnet: { unjudged: REMOTE },
  at: { unjudged: "it runs later what it reads" },
  batch: { unjudged: "it runs later what it reads" },
  crontab: { unjudged: "it runs later what it reads" },
  socat: { unjudged: OWN_LANGUAGE },
  nc: { unjudged: OWN_LANGUAGE },
  ncat: { unjudged: OWN_LANGUAGE },
  expect: { unjudged: OWN_LANGUAGE },
  tmux: { unjudged: OWN_LANGUAGE },
  screen: { unjudged: OWN_LANGUAGE },
  dtach: { unjudged: OWN_LANGUAGE },
  abduco: { unjudged: OWN_LANGUAGE },
  gdb: { unjudged: OWN_LANGUAGE },
  lldb: { unjudged: OWN_LANGUAGE },
  ed: { unjudged: OWN_LANGUAGE },
  ex: { unjudged: OWN_LANGUAGE },
  vi: { unjudged: OWN_LANGUAGE },
  vim: { unjudged: OWN_LANGUAGE },
  view: { unjudged: OWN_LANGUAGE },
  nvim: { unjudged: OWN_LANGUAGE },
  emacs: { unjudged: OWN_LANGUAGE },
  nano: { unjudged: OWN_LANGUAGE },
  less: { unjudged: OWN_LANGUAGE },
  more: { unjudged: OWN_LANGUAGE },
  most: { unjudged: OWN_LANGUAGE },
  man: { unjudged: OWN_LANGUAGE },
  info: { unjudged: OWN_LANGUAGE },
  sqlite3: { unjudged: OWN_LANGUAGE },
  psql: { unjudged: OWN_LANGUAGE },
  mysql: { unjudged: OWN_LANGUAGE },
  ftp: { unjudged: OWN_LANGUAGE },
  bc: {},
  m4: { unjudged: OWN_LANGUAGE },
  capsh: { unjudged: OWN_LANGUAGE },
  bwrap: { unjudged: "it changes what names mean" },
};

/** Shells; `-c` and its clusters give the line. */
export const SHELLS: ReadonlySet<string> = new Set(
  "bash sh zsh dash ksh mksh pdksh oksh ash yash fish rbash rksh posh csh tcsh hush nu elvish xonsh pwsh".split(" "),
);

/**
 * Interpreters by the options whose value is code; without a file they read code from their input. Version numbers are
 * taken off the name.
 */
export const INTERPRETERS: Readonly<Record<string, string>> = {
  python: "-c",
  pypy: "-c",
  ipython: "-c",
  perl: "-e -E -n -p -M -m -i",
  ruby: "-e -n -p -r",
  node: "-e -p -pe --eval --print -r --require --import",
  nodejs: "-e -p --eval --print",
  deno: "eval",
  bun: "-e -p --eval --print",
  tsx: "-e -p --eval --print",
  "ts-node": "-e -p --eval",
  php: "-r -B -R -E",
  lua: "-e -l",
  luajit: "-e",
  tclsh: "",
  wish: "",
  guile: "-c -e",
  racket: "-e",
  julia: "-e -E",
  r: "-e",
  rscript: "-e",
  erl: "-eval",
  elixir: "-e",
  iex: "-e",
  scala: "-e",
  groovy: "-e",
  jshell: "",
  swipl: "-g",
  ghci: "-e",
  ocaml: "-e",
  osascript: "-e",
  gjs: "-c",
  sbcl: "--eval",
  clisp: "-x",
  awk: "",
  gawk: "",
  mawk: "",
  nawk: "",
  jq: "",
};

/** Options of other programs whose value they start. */
export const HOOK_OPTIONS: Readonly<Record<string, string>> = {
  tar: "-I -F --use-compress-program --to-command --checkpoint-action --info-script --new-volume-script --rsh-command --rmt-command",
  bsdtar: "--use-compress-program",
  rsync: "-e --rsh --rsync-path",
  zip: "-TT --unzip-command",
  cpio: "--rsh-command",
  sort: "--compress-program",
  split: "--filter",
  rg: "--pre --hostname-bin",
  fzf: "--preview --bind",
  mapfile: "-C",
  readarray: "-C",
  complete: "-C -F",
  compgen: "-C -F -W",
  bind: "-x",
  fc: "-e",
  dpkg: "--pre-invoke --post-invoke",
  gpg: "--agent-program --dirmngr-program --pinentry-program",
  curl: "",
  wget: "--use-askpass",
  nodemon: "-x --exec",
  watchexec: "",
  hyperfine: "-p -s -c --prepare --setup --cleanup",
};

/**
 * What only moves, shows or edits what it is given: its words are data. Programs of the reading table belong here too.
 */
export const INERT: ReadonlySet<string> = new Set(
  "cp mv mkdir rmdir touch ln chmod chown chgrp rm unlink tee dd truncate mktemp install sync sleep wait kill cd pushd popd pwd set unset shift export readonly declare typeset local return exit break continue read umask ulimit getopts let jobs bg fg disown history shopt patch gzip gunzip bzip2 bunzip2 xz unxz zstd unzip tsc eslint prettier".split(
    " ",
  ),
);

/** Git's own subcommands. Another name is an alias of the user's or a program on the search path. */
export const GIT_COMMANDS: ReadonlySet<string> = new Set(
  "add am annotate apply archive bisect blame branch bugreport bundle cat-file check-attr check-ignore check-mailmap check-ref-format checkout checkout-index cherry cherry-pick clean clone column commit commit-graph commit-tree config count-objects describe diagnose diff diff-files diff-index diff-tree difftool fast-export fast-import fetch for-each-ref for-each-repo format-patch fsck gc get-tar-commit-id grep gui hash-object help hook index-pack init interpret-trailers log ls-files ls-remote ls-tree mailinfo mailsplit maintenance merge merge-base merge-file merge-index merge-tree mergetool mktag mktree multi-pack-index mv name-rev notes pack-objects pack-redundant pack-refs patch-id prune prune-packed pull push range-diff read-tree rebase reflog remote repack replace request-pull rerere reset restore rev-list rev-parse revert rm send-pack shortlog show show-branch show-index show-ref sparse-checkout stage stash status stripspace submodule switch symbolic-ref tag unpack-file unpack-objects update-index update-ref update-server-info var verify-commit verify-pack verify-tag version whatchanged worktree write-tree".split(
    " ",
  ),
);

/** Keys of git's configuration whose value git starts, or where it finds what to start. */
export const GIT_PROGRAM_KEY =
  /^(alias\.|core\.(pager|editor|sshcommand|fsmonitor|askpass|gitproxy|hookspath|alternaterefscommand|attributesfile|worktree)$|(diff|merge|filter|difftool|mergetool|trailer|browser|man|guitool|tar|submodule)\.|diff\.external$|sequence\.editor$|credential\.|gpg\.|pager\.|interactive\.difffilter$|uploadpack\.|receive\.|remote\.|init\.templatedir$|include|url\.|http\.proxy|sendemail\.|web\.browser$|instaweb\.|extensions\.)/i;

/** Options of git's subcommands whose value git starts. */
export const GIT_HOOK_OPTIONS: Readonly<Record<string, string>> = {
  rebase: "-x --exec",
  difftool: "-x --extcmd",
  grep: "-O --open-files-in-pager",
  fetch: "--upload-pack",
  pull: "--upload-pack",
  clone: "-u --upload-pack -c --config",
  "ls-remote": "--upload-pack --exec",
  push: "--receive-pack --exec",
  archive: "--exec",
};
