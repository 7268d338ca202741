// Data: commands that only read, each as a positive grammar. An option is listed only when it neither writes, nor runs
// a program, nor follows links out of the tree, nor takes file names from elsewhere. Git has a table of its own.

import type { CommandGrammar, ParsedArguments } from "./command-grammar.ts";

const MANY = Number.POSITIVE_INFINITY;

const FIND_TESTS_WITH_TEXT = new Set(
  "-name -iname -path -ipath -wholename -iwholename -regex -iregex -regextype -type -xtype -size -mtime -mmin -atime -amin -ctime -cmin -perm -user -group -maxdepth -mindepth -links -inum -printf -newermt -newerct".split(
    " ",
  ),
);
const FIND_TESTS_WITH_PATH = new Set(["-newer", "-anewer", "-cnewer", "-samefile"]);
const FIND_WORDS = new Set(
  "-empty -prune -print -print0 -ls -not ! -a -and -o -or ( ) , -true -false -readable -writable -executable -depth -mount -xdev -quit -nouser -nogroup -daystart".split(
    " ",
  ),
);

function parseFind(argv: string[]): ParsedArguments | string {
  const words = argv.slice(1);
  const paths: string[] = [];
  let index = 0;
  while (words[index] === "-P" || words[index] === "-H") index++;
  for (; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word.startsWith("-") || word === "(" || word === "!") break;
    paths.push(word);
  }
  for (; index < words.length; index++) {
    const word = words[index] ?? "";
    if (FIND_WORDS.has(word)) continue;
    const takesPath = FIND_TESTS_WITH_PATH.has(word);
    if (!takesPath && !FIND_TESTS_WITH_TEXT.has(word))
      return word.startsWith("-") ? `find action or test ${word}` : "a path behind the expression";
    index++;
    const value = words[index];
    if (value === undefined) return `${word} without its value`;
    if (takesPath) paths.push(value);
  }
  return { options: [], texts: [], paths, reads: "none" };
}

/** `test` and `[`: one file or string test. Not `-v`, which evaluates array subscripts and with them commands. */
function parseTest(argv: string[]): ParsedArguments | string {
  const words = argv.slice(1);
  if (argv[0] === "[" && words.pop() !== "]") return "[ without ]";
  const [operator = "", operand = "", third] = words;
  if (words.length === 2 && /^-[efdsrwxLh]$/.test(operator))
    return { options: [], texts: [], paths: [operand], reads: "none" };
  if (words.length === 2 && /^-[nz]$/.test(operator))
    return { options: [], texts: [operand], paths: [], reads: "none" };
  if (words.length === 3 && /^(=|==|!=)$/.test(operand))
    return { options: [], texts: [operator, third ?? ""], paths: [], reads: "none" };
  return "this test";
}

/** Only formats whose conversions neither store (`%n`) nor evaluate; no option. */
function checkPrintf({ texts }: ParsedArguments): string | null {
  const format = texts[0] ?? "-";
  if (format.startsWith("-")) return "printf options";
  return /%(?![-+ #0]*\d*(\.\d+)?[sdiuxXoc%])/.test(format) ? "this printf format" : null;
}

const SED_SCRIPTS = ["-e", "--expression"];

/**
 * Line ranges, `$`, and plain patterns, each with `p`; or a final `Nq`. Nothing that writes (`w`), runs (`e`) or
 * changes.
 */
function checkSed({ options, texts }: ParsedArguments): string | null {
  const given = options.filter(({ name }) => SED_SCRIPTS.includes(name));
  const scripts = given.length > 0 ? given.map(({ value }) => value ?? "") : texts;
  const address = String.raw`(?:\d+|\$|/[\w .,:=<>@#"'-]+/)`;
  const command = String.raw`\s*${address}(?:,(?:${address}|\+\d+))?\s*p\s*|\s*\d+\s*q\s*`;
  const whole = new RegExp(`^(?:${command})(?:;(?:${command}))*$`);
  if (scripts.length === 0 || !scripts.every((script) => whole.test(script))) return "this sed script";
  return null;
}

/** `{print $1}` and its like: no redirection, pipe, function or variable but fields. */
function checkAwk({ texts }: ParsedArguments): string | null {
  // Blanks in a row are one: else the expression tries every way of sharing them out.
  const program = (texts[0] ?? "").replace(/\s+/g, " ");
  return /^\s*(?:NR\s*[=<>]=?\s*\d+\s*)?\{\s*print(?:\s+(?:\$(?:\d+|NF)|"[ \w:=,./-]*"|NR|NF|[,\s])+)?\s*\}\s*$/.test(
    program,
  )
    ? null
    : "this awk program";
}

function checkJq({ texts }: ParsedArguments): string | null {
  return /\b(import|include|modulemeta|input_filename|get_search_list)\b/.test(texts[0] ?? "")
    ? "a jq filter that loads modules"
    : null;
}

/** `@file` would take further arguments from that file. */
function checkStrings({ paths }: ParsedArguments): string | null {
  return paths.some((path) => path.startsWith("@")) ? "arguments from a file" : null;
}

/** An operand that does not begin with `+` would set the clock. */
function checkDate({ texts }: ParsedArguments): string | null {
  return texts.every((text) => text.startsWith("+")) ? null : "a date to be set";
}

const VERSION: CommandGrammar = { exactly: [["--version"], ["-v"], ["-V"]] };
const LONG_VERSION: CommandGrammar = { exactly: [["--version"]] };
const CHECKSUM: CommandGrammar = { options: "-bt --binary --text --tag", paths: MANY };
const NOTHING: CommandGrammar = { exactly: [[]] };

const GREP: CommandGrammar = {
  options:
    "-EFGPivwxcLlqsnHhoabzrZTU -e= -m= -A= -B= -C= -# --extended-regexp --fixed-strings --basic-regexp --perl-regexp --ignore-case --no-ignore-case --invert-match --word-regexp --line-regexp --count --color[=] --colour[=] --files-without-match --files-with-matches --max-count= --only-matching --quiet --silent --no-messages --byte-offset --with-filename --no-filename --line-number --null --after-context= --before-context= --context= --text --binary-files= --exclude= --include= --exclude-dir= --recursive --regexp= -I -f@ --file@",
  texts: 1,
  textsFromOptions: ["-e", "-f", "--regexp", "--file"],
  paths: MANY,
  least: 0,
  readsWith: { "-r": "all", "--recursive": "all" },
};

const RIPGREP: CommandGrammar = {
  options:
    "-#FivwxclqnNHIoaSspU. -e= -m= -A= -B= -C= -g= -t= -T= -d= -M= -r= -j= -f@ -u --glob= --iglob= --type= --type-not= --type-list --files --files-with-matches --files-without-match --count --count-matches --max-count= --ignore-case --smart-case --case-sensitive --fixed-strings --word-regexp --line-regexp --invert-match --line-number --no-line-number --with-filename --no-filename --only-matching --heading --no-heading --color= --colors= --column --no-column --after-context= --before-context= --context= --max-depth= --maxdepth= --max-columns= --max-columns-preview --max-filesize= --multiline --multiline-dotall --pcre2 --null --null-data --passthru --quiet --replace= --sort= --sortr= --stats --text --threads= --trim --vimgrep --json --hidden --no-ignore --no-ignore-vcs --unrestricted --regexp= --file@ --no-messages --no-config --no-follow --engine= --version --block-buffered --line-buffered --one-file-system",
  texts: 1,
  textsFromOptions: ["-e", "-f", "--regexp", "--file", "--files", "--type-list", "--version"],
  paths: MANY,
  reads: "visible",
  unhidesWith: ["-g", "--glob", "--iglob"],
  readsWith: { "--hidden": "all", "-.": "all", "-u": "all", "--unrestricted": "all", "--no-ignore": "all" },
};

const FD: CommandGrammar = {
  options:
    "-HIusigFap0 -t= -e= -E= -d= -S= -c= -j= --hidden --no-ignore --no-ignore-vcs --unrestricted --case-sensitive --ignore-case --glob --fixed-strings --absolute-path --full-path --print0 --type= --extension= --exclude= --max-depth= --min-depth= --exact-depth= --size= --color= --changed-within= --changed-before= --max-results= --version",
  texts: 1,
  paths: MANY,
};

/** Of the commands below those that bash itself carries out. */
export const BUILTINS: ReadonlySet<string> = new Set([
  "echo",
  "printf",
  "true",
  "false",
  ":",
  "test",
  "[",
  "pwd",
  "type",
  "command",
]);

/** By command name as written; a path such as `/bin/ls` is not a name and is asked about. */
export const READ_ONLY_COMMANDS: Readonly<Record<string, CommandGrammar>> = {
  ls: {
    options:
      "-aAbBcCdfFgGhHilmnNopqQrRsStuUvxX1 -w= -I= -T= --all --almost-all --author --escape --block-size= --color[=] --directory --classify[=] --file-type --format= --full-time --group-directories-first --no-group --human-readable --si --hide= --indicator-style= --inode --ignore= --literal --numeric-uid-gid --hide-control-chars --quote-name --quoting-style= --reverse --recursive --size --sort= --time= --time-style= --width= --zero --version --help",
    paths: MANY,
  },
  cat: {
    options:
      "-AbeEnstTuv --show-all --number-nonblank --show-ends --number --squeeze-blank --show-tabs --show-nonprinting --help --version",
    paths: MANY,
  },
  tac: { options: "-br -s= --before --regex --separator=", paths: MANY },
  nl: {
    options: "-p -b= -d= -f= -h= -i= -l= -n= -s= -v= -w= --body-numbering= --number-width= --number-separator=",
    paths: MANY,
  },
  head: { options: "-qvz -n= -c= -# --lines= --bytes= --quiet --silent --verbose --zero-terminated", paths: MANY },
  tail: { options: "-qvz -n= -c= -# --lines= --bytes= --quiet --silent --verbose --zero-terminated", paths: MANY },
  wc: { options: "-clmLw --bytes --chars --lines --max-line-length --words --total=", paths: MANY },
  grep: GREP,
  egrep: GREP,
  fgrep: GREP,
  rg: RIPGREP,
  fd: FD,
  fdfind: FD,
  find: { parse: parseFind },
  tree: {
    options:
      "-adfFhiINspDugCnrtUcvAJxS -L= -I= -P= --noreport --dirsfirst --filesfirst --du --si --gitignore --prune --matchdirs --ignore-case --charset= --filelimit= --timefmt= --sort= --inodes --device --version",
    paths: MANY,
  },
  stat: { options: "-LfZt -c= --dereference --file-system --format= --printf= --terse --help --version", paths: MANY },
  file: {
    options:
      "-bikLhNrsE0 --brief --mime --mime-type --mime-encoding --dereference --no-dereference --no-pad --raw --version",
    paths: MANY,
  },
  du: {
    options:
      "-0abchHklmPsSx -B= -d= -t= --null --all --apparent-size --block-size= --bytes --total --human-readable --inodes --max-depth= --one-file-system --separate-dirs --si --summarize --threshold= --time[=] --exclude=",
    paths: MANY,
  },
  df: {
    options:
      "-ahHiklPT -B= -t= -x= --all --block-size= --human-readable --si --inodes --local --portability --print-type --total --type=",
    paths: MANY,
  },
  sort: {
    options:
      "-bdfghiMnRrVcCmsuz -k= -t= -S= --ignore-leading-blanks --dictionary-order --ignore-case --general-numeric-sort --month-sort --human-numeric-sort --numeric-sort --random-sort --reverse --version-sort --check[=] --key= --merge --stable --unique --field-separator= --zero-terminated --sort=",
    paths: MANY,
  },
  uniq: {
    options:
      "-cdDiuz -f= -s= -w= --count --repeated --all-repeated[=] --skip-fields= --ignore-case --skip-chars= --unique --zero-terminated --check-chars= --group[=]",
    paths: 1,
  },
  cut: {
    options:
      "-nsz -b= -c= -d= -f= --bytes= --characters= --delimiter= --fields= --complement --only-delimited --output-delimiter= --zero-terminated",
    paths: MANY,
  },
  tr: { options: "-cCdst --complement --delete --squeeze-repeats --truncate-set1", texts: 2 },
  paste: { options: "-sz -d= --delimiters= --serial --zero-terminated", paths: MANY },
  join: {
    options: "-iz -a= -e= -j= -o= -t= -v= -1= -2= --ignore-case --header --check-order --nocheck-order",
    paths: 2,
  },
  comm: { options: "-123z --check-order --nocheck-order --output-delimiter= --total", paths: 2 },
  fold: { options: "-bs -w= --bytes --spaces --width=", paths: MANY },
  fmt: { options: "-cstu -w= -g= -p= --width=", paths: MANY },
  rev: { options: "", paths: MANY },
  expand: { options: "-i -t= --initial --tabs=", paths: MANY },
  unexpand: { options: "-a -t= --all --first-only --tabs=", paths: MANY },
  column: { options: "-txLen -s= -o= -c= -N= -R= --table --separator= --output-separator=", paths: MANY },
  diff: {
    options:
      "-abBdEHiNpqstTuwyZ -U= -C= -W= -I= -F= --brief --report-identical-files --unified[=] --context[=] --side-by-side --ignore-case --ignore-all-space --ignore-space-change --ignore-blank-lines --ignore-trailing-space --text --minimal --width= --color[=] --suppress-common-lines --left-column --label= --strip-trailing-cr --new-file",
    paths: 2,
    least: 2,
    filesOnly: true,
  },
  cmp: {
    options: "-bls -i= -n= --print-bytes --verbose --quiet --silent --bytes= --ignore-initial=",
    paths: 2,
    least: 1,
  },
  od: {
    options: "-abcdfhilosvx -A= -j= -N= -t= -w[=] --address-radix= --skip-bytes= --read-bytes= --format=",
    paths: MANY,
  },
  hexdump: { options: "-bcCdovx -n= -s=", paths: MANY },
  xxd: { options: "-abeiupCE -c= -g= -l= -s= -o=", singleLetters: true, paths: 1 },
  strings: {
    options: "-afo -n= -t= -e= -# --all --print-file-name --bytes= --radix=",
    paths: MANY,
    check: checkStrings,
  },
  base64: { options: "-di -w= --decode --ignore-garbage --wrap=", paths: 1 },
  md5sum: CHECKSUM,
  sha1sum: CHECKSUM,
  sha224sum: CHECKSUM,
  sha256sum: CHECKSUM,
  sha384sum: CHECKSUM,
  sha512sum: CHECKSUM,
  b2sum: CHECKSUM,
  cksum: { options: "", paths: MANY },
  basename: { options: "-az -s= --multiple --suffix= --zero", texts: MANY },
  dirname: { options: "-z --zero", texts: MANY },
  realpath: {
    options:
      "-emqsLPz --canonicalize-existing --canonicalize-missing --no-symlinks --quiet --zero --relative-to@ --relative-base@",
    paths: MANY,
  },
  readlink: {
    options: "-efmnqsvz --canonicalize --canonicalize-existing --canonicalize-missing --no-newline",
    paths: MANY,
  },
  pwd: { exactly: [[], ["-P"], ["-L"]] },
  echo: { raw: true },
  printf: { raw: true, check: checkPrintf },
  true: NOTHING,
  false: NOTHING,
  ":": NOTHING,
  whoami: NOTHING,
  groups: NOTHING,
  hostname: NOTHING,
  arch: NOTHING,
  tty: NOTHING,
  logname: NOTHING,
  test: { parse: parseTest },
  "[": { parse: parseTest },
  which: { options: "-as", texts: MANY },
  type: { options: "-aptPf", texts: MANY },
  command: {
    options: "-vV",
    texts: 1,
    least: 1,
    check: ({ options }) => (options.length > 0 ? null : "a command run by command"),
  },
  date: { options: "-u -d= -I[=] --utc --date= --iso-8601[=] --rfc-3339= -R", texts: 1, check: checkDate },
  uname: { options: "-asnrvmpio --all --kernel-name --nodename --kernel-release --machine --operating-system" },
  id: { options: "-agGnruz --user --group --groups --name --real", texts: 1 },
  nproc: { options: "--all --ignore=" },
  uptime: { options: "-ps --pretty --since" },
  free: { options: "-bkmghtw --human --total --wide" },
  seq: { options: "-w -f= -s= --equal-width --format= --separator=", texts: 3, least: 1 },
  sed: {
    options: "-nErsz -e= --quiet --silent --regexp-extended --expression=",
    texts: 1,
    textsFromOptions: SED_SCRIPTS,
    paths: MANY,
    check: checkSed,
  },
  awk: { options: "-F=", texts: 1, least: 1, paths: MANY, check: checkAwk },
  jq: {
    options:
      "-rcsSeMCjanR --raw-output --compact-output --slurp --sort-keys --exit-status --monochrome-output --color-output --join-output --ascii-output --null-input --raw-input --tab --indent= --version --seq --stream",
    texts: 1,
    paths: MANY,
    check: checkJq,
  },
  // Asking these for their version starts nothing of the project. Cargo, rustc, go, yarn, pnpm and pip are left out: a
  // file of the repository or of the user can choose another program to answer for them. So is all of npm but its
  // version: `npm ls` deletes and writes where the project's .npmrc says.
  node: VERSION,
  python: LONG_VERSION,
  python3: LONG_VERSION,
  ruby: LONG_VERSION,
  perl: VERSION,
  gcc: LONG_VERSION,
  clang: LONG_VERSION,
  make: LONG_VERSION,
  cmake: LONG_VERSION,
  bash: LONG_VERSION,
  docker: LONG_VERSION,
  tmux: { exactly: [["-V"]] },
  npm: { exactly: [["--version"], ["-v"]] },
};
