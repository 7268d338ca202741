// The command line: what a line asks for, what is refused, and that one object adds a subcommand everywhere.

import { Argument, Option } from "commander";
import { describe, expect, test } from "vitest";
import { createProgram, parseArguments, type CommandLine } from "../../src/cli/command-line.ts";
import { completionScript } from "../../src/cli/completion-command.ts";
import { asksForHelp, namedSubcommand } from "../../src/cli/first-words.ts";
import { loadSubcommands, SUBCOMMANDS } from "../../src/cli/subcommands.ts";
import { commandTables } from "../support/command-page.ts";
import type { Call, Subcommand } from "../../src/cli/subcommand.ts";
import { callSubcommand, createIo } from "./io.ts";

const subcommands = await loadSubcommands();
const parse = (...argv: string[]): CommandLine => parseArguments(argv, subcommands);

const greetCommand: Subcommand<{ loud?: true; tongue?: string }> = {
  name: "greet",
  summary: "greet somebody",
  arguments: [new Argument("<name>", "the name of somebody")],
  options: [
    new Option("--loud", "in capitals"),
    new Option("--tongue <language>", "in that language").choices(["french", "latin"]),
  ],
  run({ words, options, io }) {
    const text = `${options.tongue === "latin" ? "ave" : "hello"} ${words[0] ?? ""}\n`;
    io().stdout(options.loud === true ? text.toUpperCase() : text);
    return 0;
  },
  actions: [
    {
      name: "all",
      summary: "greet everybody",
      options: [new Option("--twice", "two times")],
      run({ options, io }: Call<{ twice?: true }>) {
        io().stdout("hello all\n".repeat(options.twice === true ? 2 : 1));
        return 0;
      },
    },
  ],
};

describe("a subcommand that is handed in as one object", () => {
  const all = [...subcommands, greetCommand];
  const program = createProgram(all);
  const said = async (...args: string[]): Promise<string> => {
    const io = createIo({ workspace: "/", home: "/" });
    expect(await callSubcommand(greetCommand, args, { io })).toBe(0);
    return io.out();
  };

  test("runs with its arguments and options, and so do its actions", async () => {
    expect(await said("Ada", "--loud", "--tongue", "latin")).toBe("AVE ADA\n");
    expect(await said("all", "--twice")).toBe("hello all\nhello all\n");
  });

  test("is in the help, and has its own", () => {
    const help = parseArguments(["--help"], all);
    expect(help).toMatchObject({ kind: "help", text: expect.stringMatching(/^ {2}greet +greet somebody$/m) as string });
    const own = parseArguments(["greet", "--help"], all);
    const text = own.kind === "help" ? own.text : "";
    expect(text.split("\n").slice(0, 4)).toEqual([
      "Usage: bmo greet <name> [--loud] [--tongue french|latin]",
      "       bmo greet all [--twice]",
      "",
      "Greet somebody.",
    ]);
    expect(text).toMatch(/^ {2}--tongue <language> +in that language: french, latin$/m);
    expect(text).toMatch(/^ {2}all +greet everybody$/m);
  });

  test("is completed in every shell", () => {
    const [bash, zsh, fish] = (["bash", "zsh", "fish"] as const).map((shell) => completionScript(shell, program));
    expect(bash).toContain("greet:--tongue) COMPREPLY=($(compgen -W 'french latin'");
    expect(bash).toContain("greet/all) COMPREPLY=($(compgen -W '--twice ");
    expect(zsh).toContain("'greet:greet somebody'");
    expect(fish).toContain("complete -c bmo -n __fish_use_subcommand -a greet -d 'greet somebody'");
  });

  test("is on the page of commands", () => {
    const table = commandTables(program)["subcommands"] ?? "";
    expect(table.split("\n").slice(-2)).toEqual([
      "| `greet <name> [--loud] [--tongue french\\|latin]` | Greet somebody.<br>`name`: the name of somebody<br>`--loud`: in capitals<br>`--tongue french\\|latin`: in that language |",
      "| `greet all [--twice]` | greet everybody<br>`--twice`: two times |",
    ]);
  });

  test.each([
    [["greet", "Ada", "--lout"], "bmo greet does not take --lout", /^Did you mean --loud\? bmo greet <name>/],
    [["greet"], "bmo greet needs the name of somebody", /^bmo greet <name>/],
    [["greet", "Ada", "Bob"], "bmo greet takes one name, got also Bob", /^bmo greet <name>/],
    [["greet", "all", "Bob"], "bmo greet all takes no argument, got Bob", /^bmo greet all \[--twice\]$/],
    [["greet", "--tongue"], "--tongue needs a value", /^bmo greet <name>/],
  ])("%j is refused with what is allowed", (argv, message, hint) => {
    expect(() => parseArguments(argv, all)).toThrow(
      expect.objectContaining({ code: "usage", message, hint: expect.stringMatching(hint) as string }),
    );
  });
});

describe("what a line asks for", () => {
  test("a run, with nothing but what a run has", () => {
    expect(parse("-C", "/w", "--json", "fix", "it")).toEqual({
      kind: "run",
      print: false,
      start: { kind: "prompt", words: ["fix", "it"] },
      session: { kind: "new" },
      approve: null,
      limits: { modelCalls: null, budgetUsd: null, seconds: null },
      directory: "/w",
      config: null,
      trust: false,
      addDirectories: [],
      preset: [],
      model: null,
      tier: null,
      plan: null,
      permissionMode: null,
      allowedTools: [],
      disallowedTools: [],
      format: "json",
      quiet: false,
      verbose: false,
    });
  });

  test.each([
    [["-c", "--fork-session"], { kind: "latest", fork: true }],
    [["-r", "20261121-090000000-abcdef"], { kind: "named", id: "20261121-090000000-abcdef", fork: false }],
    [["-r", "and then"], { kind: "pick" }],
    [["--resume"], { kind: "pick" }],
    [["approve", "p_1"], { kind: "of_plan", plan: "p_1" }],
  ])("%j names the session %j", (argv, session) => {
    expect(parse(...argv)).toMatchObject({ kind: "run", session });
  });

  test("an approval takes the options of a run before and after its name, and joins what may be repeated", () => {
    const line = parse("--allowedTools", "view", "--tier", "deep", "approve", "p_1", "--allowedTools", "grep", "-p");
    expect(line).toMatchObject({
      start: { kind: "approval" },
      allowedTools: ["view", "grep"],
      tier: "deep",
      print: true,
    });
  });

  test("a subcommand takes what it shares with a run before and after its name; the later one counts", () => {
    expect(parse("-C", "a", "--preset", "tiered", "config", "--json", "show", "-C", "b", "model")).toMatchObject({
      kind: "subcommand",
      words: ["model"],
      flags: { directory: "b", preset: ["tiered"], format: "json" },
    });
    expect(parse("--json", "stats", "--by", "tier")).toMatchObject({
      options: { by: "tier" },
      flags: { format: "json" },
    });
  });

  test.each([["-v"], ["-V"], ["--version"], ["-qV"], ["--version", "sessions"]])(
    "%s asks for the version",
    (...argv) => {
      expect(parse(...argv)).toEqual({ kind: "version" });
      expect(asksForHelp(argv)).toBe(true);
    },
  );
});

test.each([
  [["--modle", "x"], "bmo does not take --modle", "Did you mean --model? bmo --help lists the options."],
  [["--tier"], "--tier needs a value", "bmo --help lists the options."],
  [["--permission-mode", "pan"], /^--permission-mode cannot be pan; allowed: default, .*$/, "Did you mean plan?"],
  [["--approval-mode", ""], /^--approval-mode needs a value; allowed: .*$/, null],
  [["--max-turns", "1.5", "x"], '--max-turns is "1.5"', "It takes a whole number above 0."],
  [["--fork-session", "x"], "--fork-session needs -c or -r", "It continues in a copy of a session."],
  [["-c", "-r", "x"], "-c and -r exclude each other", "Give one of them."],
  [["--plan", "approve", "p_1", "--no-plan"], "--plan and --no-plan exclude each other", "Give one of them."],
  [
    ["sessions", "shwo"],
    "bmo sessions has no action shwo",
    /^Did you mean show\? bmo sessions \[list \[--all\] \| show/,
  ],
  [["sessions", "--alll"], "bmo sessions list does not take --alll", /^Did you mean --all\?/],
  [["config", "options.gate"], "bmo config has no action options.gate", /^bmo config \[show \[key\] \| path/],
  [["approve"], /^bmo approve needs the id or a hash prefix of one plan/, /^bmo approve <plan id \| hash prefix>/],
  [["approve", "p_1", "p_2"], /^bmo approve takes one plan id \| hash prefix, got also p_2$/, /^bmo approve/],
])("%j is refused", (argv, message, hint) => {
  expect(() => parse(...argv)).toThrow(
    expect.objectContaining({
      code: "usage",
      message: typeof message === "string" ? message : (expect.stringMatching(message) as string),
      hint: hint instanceof RegExp ? (expect.stringMatching(hint) as string) : hint,
    }),
  );
});

test("the list holds each subcommand under its name", () => {
  expect(subcommands.map(({ name }) => name)).toEqual(Object.keys(SUBCOMMANDS));
});

test("what the bare words may name is never less than what the parser takes", () => {
  const names = Object.keys(SUBCOMMANDS);
  const words = ["-C", "-r", "-q", "--", "sessions", "x"];
  const lines = words.flatMap((first) => words.flatMap((second) => words.map((third) => [first, second, third])));
  const taken = lines.filter((argv) => {
    try {
      return parse(...argv).kind === "subcommand";
    } catch {
      return false; // Refused, so nothing runs.
    }
  });
  expect(taken.length).toBeGreaterThan(20);
  expect(taken.filter((argv) => namedSubcommand(argv, names) === null)).toEqual([]);
});
