// What the last few signals of a conversation say about a message that says little by itself. Pure; decides nothing.

import type { HistorySignal } from "../types/route.ts";
import { PHASE_LABELS } from "./phase-weights.ts";

export interface HistoryEvidence {
  /** Chances by label, or null where the history says nothing. */
  chances: number[] | null;
  /** 0 = the message speaks for itself, 1 = only the history speaks. */
  dependence: number;
}

type Label = (typeof PHASE_LABELS)[number];
type Classify = (text: string) => number[];

const FILLER = new Set(
  "ok okay k kk go on ahead continue proceed next yes yep yeah yup y sure please do it that this start begin carry keep going resume now then and the rest all of them first one both same again more fine good great cool lgtm perfect sounds right so where you left off step i we just let's lets try let me exactly correct agreed thanks thx what's still weiter mach mal bitte ja genau los jetzt gut oui vas-y continuez d'accord ouais suivant sí si sigue adelante continúa dale claro vale siguiente vai avanti continua procedi sì va bene prossimo sim pode segue prossiga continue próximo ga verder door doe maar volgende kontynuuj dalej tak dobrze proszę następny продолжай продолжи продолжайте дальше да давай хорошо ок далее devam et evet tamam sonraki はい 続けて 続き 次 お願いします 次へ 继续 好的 好 下一步 可以 行 下一个 계속 계속해 계속해줘 네 다음 응 진행해 tiếp tục lanjut lanjutkan fortsätt ja jatka pokračuj далі".split(
    " ",
  ),
);
const APPROVAL =
  /^(?:yes|yep|yeah|ok(?:ay)?|sure|go (?:ahead|for it|on)?|do (?:it|that)|please do|sounds good|great|perfect|fine|agreed|let's (?:do|go)|lgtm|approved|make it so|start|proceed|i like|ja|oui|sí|sì|sim|tak|да|evet|はい|好|네|👍|✅|🚀|👌)(?=$|[\s,.!;:])/u;
const COMPLAINT =
  /\b(?:still|nope|same (?:thing|error|problem|result|issue)|didn'?t (?:help|work|change)|doesn'?t (?:help|work)|no (?:change|difference|luck|effect|better)|not (?:fixed|better|working|solved)|even worse|worse now|again|broken|fails?|red|crash\w*|immer noch|geht nicht|klappt nicht|toujours|marche pas|sigue|todavía|ancora|ainda|nog steeds|nadal|всё ещё|все еще|не работает|не помогло|hâlâ|まだ|还是|아직|여전히)(?=$|[\s,.!?])|^(?:no|nope|nein|non|нет)\b/u;
const REPEAT =
  /\b(?:same (?:for|with|in|thing (?:for|in|with)|again|please)|the same|likewise|do (?:that|this|the same)|also (?:for|in|the)|and (?:for|in|the other|now)|now (?:the|for|do|in|also)|the other|other ones?|others?|too|as well|next (?:one|file|chapter)|remaining|rest)\b|ebenso|genauso|auch|pareil|même chose|lo mismo|igual|también|stesso|anche|mesmo|também|hetzelfde|to samo|też|то же|также|aynı|同じ|一样|같은/u;
const TWEAK =
  /^(?:(?:a (?:bit|little)|slightly|much|even|still|make it|maybe|no|or|and|but|rather|bit|more|less) )*(?:darker|lighter|bigger|smaller|larger|wider|narrower|thicker|thinner|bolder|shorter|longer|higher|lower|brighter|softer|rounder|red|green|blue|grey|gray|white|black|bold|italic|left|right|up|down|with|without|px|NUMBER|in)\b/u;
const OPEN_WORK =
  /\b(?:next|todo|remaining|remain|left|still (?:to|open|missing)|to do|should i|shall i|want me to|would you like me|may i|ok(?:ay)? to|i (?:can|could|would|will|'ll)|i'll|i'd|we could|proposal|proposed|plan|steps?|suggest|ready to|go ahead|als nächstes|soll ich|je peux|puedo|posso|могу)\b|\[ \]/iu;
const FINDINGS =
  /\b(?:findings?|review|remarks?|blockers?|concerns?|issues? found|looked (?:at|over)|severity|nit)\b/iu;
const CHOICE = /\boptions?\b|\bvariants?\b|\balternatives?\b|\bpros\b|\btrade-?offs?\b/iu;
const CLAIMED_FIX =
  /\b(?:should (?:be (?:gone|fixed|ok|fine|better)|work|now)|fixed|resolved|corrected|repaired|that was the (?:cause|reason|problem)|the cause)\b/iu;

const FAILURE =
  /traceback|\b\w*error\b|exception|--- fail|\bfail(?:ed|ing|ures?)?\b|panic:|segfault|exit (?:code|status) [1-9]|\b[1-9]\d* failed|cannot find|not found|undefined reference|denied/iu;
const PASSED = /\b(?:\d+ pass(?:ed|ing)|ran \d+ tests?|tests? passed|all (?:tests )?pass|ok \(|0 fail)/iu;
const TEST_PATH =
  /(?:^|\/)(?:tests?|specs?|__tests__|e2e|cypress|fixtures?)\/|[._-](?:test|spec)\.|(?:^|\/)test_[^/]*$|_(?:test|spec)\.\w+$|Tests?\.\w+$/u;
const DOC_PATH = /\.(?:md|mdx|rst|adoc|txt)$|(?:^|\/)docs?\/|(?:^|\/)(?:README|CHANGELOG|CONTRIBUTING|LICENSE)/u;
const TEST_COMMAND =
  /\b(?:pytest|jest|vitest|mocha|rspec|phpunit|ctest|tox|playwright|cypress|k6)\b|\b(?:go|cargo|npm|pnpm|yarn|mvn|gradle|dotnet|mix|swift|make) (?:run )?test/u;
const REVIEW_COMMAND = /\bgit (?:diff|log|show|blame)\b/u;
const WRITES = /^(?:write|edit|multiedit|apply_patch|create)$/u;
const READS = /^(?:read|view|grep|glob|ls|search)$/u;

export function readHistory(message: string, history: readonly HistorySignal[], classify: Classify): HistoryEvidence {
  const signals = history.slice(-12);
  const text = message
    .toLowerCase()
    .normalize("NFKC")
    .replace(/[\u2018\u2019]/gu, "'")
    .trim();
  const words = text.match(/[\p{L}\p{M}'’-]+/gu) ?? [];
  const content = words.filter((word) => !FILLER.has(word)).length;
  const complaint = words.length <= 10 && COMPLAINT.test(text);
  const dependence = dependenceOf(text, words.length, content, complaint);
  if (dependence === 0 || signals.length === 0) return { chances: null, dependence };
  return { chances: chancesOf(text, signals, classify, complaint, content === 0), dependence };
}

/** How far the message leans on what came before. */
function dependenceOf(text: string, count: number, content: number, complaint: boolean): number {
  if (content === 0) return 1;
  if (complaint) return 0.85;
  if (APPROVAL.test(text) && count <= 14) return 0.85;
  if (TWEAK.test(text) && count <= 6) return 0.8;
  if (REPEAT.test(text) && count <= 12) return 0.75;
  if (content <= 2) return 0.6;
  if (count <= 9) return 0.4;
  return count <= 16 ? 0.2 : 0;
}

function chancesOf(
  text: string,
  signals: readonly HistorySignal[],
  classify: Classify,
  complaint: boolean,
  empty: boolean,
): number[] {
  const lastTool = signals.findLast((signal) => signal.role === "tool");
  const lastAt = lastTool === undefined ? -1 : signals.lastIndexOf(lastTool);
  const assistant = signals.findLast((signal) => signal.role === "assistant");
  const assistantAt = assistant === undefined ? -1 : signals.lastIndexOf(assistant);
  const user = signals.findLast((signal) => signal.role === "user");

  if (complaint) {
    const reviewing =
      assistant !== undefined &&
      FINDINGS.test(assistant.text) &&
      !CLAIMED_FIX.test(assistant.text) &&
      !signals.some(isWrite);
    return reviewing ? mostly("review", 0.7) : mostly("debug", 0.88);
  }
  if (lastTool !== undefined && failed(lastTool) && lastAt > assistantAt - 2) {
    if (empty || !APPROVAL.test(text)) return mostly("debug", lastAt > assistantAt ? 0.93 : 0.75);
  }
  if (TWEAK.test(text) && assistant === undefined) return spread({ small_edit: 0.75, implement: 0.14 });
  const parts: { chances: number[]; weight: number }[] = [];
  if (assistant !== undefined)
    parts.push({
      chances: fromAssistant(assistant.text, classify),
      weight: OPEN_WORK.test(assistant.text) ? 1.2 : 0.7,
    });
  if (user !== undefined) {
    const chances = classify(user.text);
    const offered =
      assistant !== undefined &&
      OPEN_WORK.test(assistant.text) &&
      /\bplan\b|\bstart\b|\bproceed\b/iu.test(assistant.text);
    parts.push({ chances, weight: offered ? 0.25 : (chances[PHASE_LABELS.indexOf("debug")] ?? 0) > 0.6 ? 1.4 : 0.8 });
  }
  const tools = fromTools(signals);
  if (tools !== null) parts.push(tools);
  return blend(parts);
}

/** The part of the assistant's words that says what comes next, classified as if the user had asked for it. */
function fromAssistant(text: string, classify: Classify): number[] {
  if (CHOICE.test(text) && !/\b(?:shall|should) i (?:start|begin|go)/iu.test(text))
    return lean(classify(text), "plan", 0.75);
  if (FINDINGS.test(text) && !CLAIMED_FIX.test(text)) return lean(classify(text), "review", 0.7);
  const todo = text
    .match(/\[ \]\s*[^[\n]+/gu)
    ?.join(" ")
    .replaceAll("[ ]", " ");
  const sentences = text.split(/(?<=[.!?])\s+|\n/u).filter((part) => part.trim() !== "");
  const open = sentences.filter((part) => OPEN_WORK.test(part));
  const source = todo ?? (open.length > 0 ? open.join(" ") : text);
  const request = source
    .replace(/\b(?:next(?: up)?|todo|plan|proposed steps|remaining|steps?)\s*[:,]\s*/giu, "")
    .replace(
      /\b(?:next,? )?(?:i'?ll|i will|i can|i could|i would|i'd|we could|i suggest to|i'd suggest to|i propose to|let me)\s+(?:now |then |also )?/giu,
      "",
    )
    .replace(
      /\b(?:should|shall|may) i(?: (?:start|proceed|continue|go ahead|do (?:it|that|so)))?\s*\??|\bok(?:ay)? to proceed\s*\??|\bwant me to\b|\bwould you like me to\b/giu,
      "",
    )
    .replace(/\(\d\)|\b\d\)/gu, " ")
    .trim();
  const chances = classify(request === "" ? text : request);
  if (todo !== undefined) return lean(dampen(chances, "plan", 0.4), "implement", 0.45);
  if (Math.max(...chances) < 0.6) return lean(dampen(chances, "plan", 0.4), "implement", 0.3);
  return /\bplan\b|\bsteps\b|\bproposed\b/iu.test(text) && /\bshall|should i|ready|go\b|skip|proceed|steps/iu.test(text)
    ? lean(dampen(chances, "plan", 0.2), "implement", 0.35)
    : dampen(chances, "plan", 0.5);
}

function fromTools(signals: readonly HistorySignal[]): { chances: number[]; weight: number } | null {
  const tools = signals.filter((signal) => signal.role === "tool").slice(-6);
  if (tools.length === 0) return null;
  const writes = tools.filter(isWrite);
  if (writes.length > 0) {
    const tests = writes.filter((signal) => TEST_PATH.test(signal.path ?? "")).length;
    const documents = writes.filter(
      (signal) => DOC_PATH.test(signal.path ?? "") && !TEST_PATH.test(signal.path ?? ""),
    ).length;
    const created = writes.some((signal) => signal.tool === "write");
    if (tests === writes.length) return { chances: mostly("test", 0.88), weight: 1.6 };
    if (documents === writes.length)
      return { chances: mostly("document", created ? 0.9 : 0.7), weight: created ? 2 : 0.7 };
    return {
      chances: spread({
        implement: created ? 0.6 : 0.4,
        refactor: 0.14,
        debug: created ? 0.06 : 0.15,
        small_edit: created ? 0.02 : 0.14,
        test: 0.06,
      }),
      weight: 0.6,
    };
  }
  const commands = tools.filter((signal) => signal.command !== undefined);
  if (commands.some((signal) => TEST_COMMAND.test(signal.command ?? "") || PASSED.test(signal.text)))
    return { chances: mostly("test", 0.7), weight: 0.9 };
  if (commands.some((signal) => REVIEW_COMMAND.test(signal.command ?? "")))
    return { chances: spread({ review: 0.6, plan: 0.15, small_edit: 0.1, implement: 0.05 }), weight: 0.9 };
  if (tools.every((signal) => READS.test(signal.tool ?? "")))
    return { chances: spread({ plan: 0.5, review: 0.2, implement: 0.1, debug: 0.07, document: 0.08 }), weight: 0.8 };
  return null;
}

function isWrite(signal: HistorySignal): boolean {
  return signal.role === "tool" && WRITES.test(signal.tool ?? "");
}

function failed(signal: HistorySignal): boolean {
  if (signal.ok === false) return true;
  return (
    signal.command !== undefined &&
    FAILURE.test(signal.text) &&
    !/\b0 (?:failed|errors?|failures?)\b/iu.test(signal.text) &&
    !REVIEW_COMMAND.test(signal.command)
  );
}

function spread(shares: Partial<Record<Label, number>>): number[] {
  const given = Object.values(shares).reduce((sum, share) => sum + share, 0);
  const others = PHASE_LABELS.filter((label) => shares[label] === undefined).length;
  return PHASE_LABELS.map((label) => shares[label] ?? Math.max(0, 1 - given) / Math.max(1, others));
}

function mostly(label: Label, share: number): number[] {
  return spread({ [label]: share });
}

function lean(chances: number[], label: Label, share: number): number[] {
  return chances.map((chance, at) => chance * (1 - share) + (PHASE_LABELS[at] === label ? share : 0));
}

function dampen(chances: number[], label: Label, factor: number): number[] {
  const lowered = chances.map((chance, at) => (PHASE_LABELS[at] === label ? chance * factor : chance));
  const sum = lowered.reduce((total, chance) => total + chance, 0);
  return lowered.map((chance) => chance / sum);
}

function blend(parts: { chances: number[]; weight: number }[]): number[] {
  if (parts.length === 0) return PHASE_LABELS.map(() => 1 / PHASE_LABELS.length);
  const total = parts.reduce((sum, part) => sum + part.weight, 0);
  const mixed = PHASE_LABELS.map((_label, at) =>
    Math.exp(
      parts.reduce(
        (sum, part) => sum + (part.weight / Math.max(1, total / 1.6)) * Math.log((part.chances[at] ?? 0) + 0.02),
        0,
      ),
    ),
  );
  const sum = mixed.reduce((whole, chance) => whole + chance, 0);
  return mixed.map((chance) => chance / sum);
}
