// The gate's closed rules: a message stays only if every part of it is known as talk, a question about bmo and the
// user, or general knowledge, and nothing in it asks for work. Unsure is never stay by itself; what rules forbid, no
// model may allow.

import { phrases } from "./alternatives.ts";
import { ABOUT, TALK, TALK_ELSEWHERE } from "./gate-phrases.ts";
import { goesWithSmallTalk, isSmallTalk } from "./gate-talk.ts";

export interface GateRuleReading {
  decision: "stay" | "escalate" | "unsure";
  reason: string;
  /** Whether the gate's model may turn this into stay; false where rules forbid it. */
  mayStay: boolean;
}

const COMMAND = /^\/(?:status|help|new|reset|verbose|usage)(?: +(?:on|off))?$/i;
const MAX_LENGTH = 240;

/** Characters and words that belong to commands, code, paths, or to attempts to steer the gate. */
const FORBIDDEN: [RegExp, string][] = [
  [/\b(?:here|in (?:here|there))\s*\?*\s*$/u, "it is about what is here"],
  [
    /^\s*[\w.]+\s+-{1,2}\w|[`$|<>{}\\;=]|&&|\(\)|--\w|\b\w+\.(?:[a-z]{2,4})\b(?<!\b(?:e\.g|i\.e|etc)\.?)|(?:^|\s)[.~]?\/\w|\w\/\w+\/|\.\.\//iu,
    "it holds code, a command or a path",
  ],
  [
    /\b(?:stay|escalate|classif\w*|gate|ignore (?:all|any|the|previous|prior|every)|disregard|system prompt|as an admin|you must answer|instructions?|jailbreak|pretend|hypothetical\w*)\b|\[\/?\w+\]|system:/iu,
    "it tries to steer the decision",
  ],
  [
    /\b(?:weather|news|what time|what day|today'?s date|the date|right now|currently|latest|up to date|price of|stock|score of|tomorrow'?s|traffic|remind|schedule|appointment|calendar|subscribe|search the web|google)\b/iu,
    "it needs the clock or the web",
  ],
  [
    /\b(?:this|that|these|those|our|my|the|your last|each|every|all) (?:last |latest |current |whole |new |old |failing |other )?(?:file(?! extension)|function|method|class|module|repo\w*|project|code ?base|code|branch|commit|pr\b|pull request|test|tests|suite|build|server|service|error|bug|log|logs|plan|diff|config\w*|database|db|table|endpoint|api|app|page|component|script|folder|directory|package|dependency|dependencies|readme|docs?|ticket|issue|deployment|pipeline|terminal|screen|change|changes|button|login|import|export|variable|line|migration|schema|release|feature|worker|job|queue)\b/iu,
    "it is about the project",
  ],
];

/** A request, however polite; matched at the start of a segment. */
const REQUEST =
  /^(?:(?:and|then|but|so|also|now|please|pls|just|ok(?:ay)?|well) )*(?:can|could|would|will|won't) (?:you|u|we)\b|^(?:are|will) you able to\b|^would you mind\b|^(?:i|we) (?:want|need|would like|'d like|wish|think we|should|must|have to)\b|^(?:i'd|let's|lets|let us|we should|maybe|it would|how about|what about)\b/u;

/** Verbs that start a task. */
const TASK =
  /^(?:(?:and|then|but|so|also|now|please|pls|just|ok(?:ay)?|well|kindly|go and|quickly) )*(?:add|adjust|analy[sz]e|apply|approve|ask|audit|automate|book|build|bump|call|cancel|change|check|clean|clear|clone|close|code|commit|compare|compile|compute|configure|connect|continue|convert|copy|create|debug|decide|delegate|delete|deploy|design|disable|do|document|download|draft|draw|drop|edit|email|enable|execute|export|extract|fetch|figure|find|finish|fix|forget|format|generate|get|give me (?!a (?:synonym|joke|riddle|definition|fun fact|hug|high five)|another word|an example of a|some inspiration)|go (?:on|ahead|with|for)|grep|help me (?!understand what)|import|implement|improve|init|initiali[sz]e|insert|install|integrate|investigate|keep|kill|launch|lint|list|load|look|make (?!me (?:laugh|smile))|measure|merge|migrate|mock|move|open|optimi[sz]e|orchestrate|order|organi[sz]e|patch|plan|port|post|prepare|proceed|profile|publish|pull|push|put|read|rebase|rebuild|record|redo|refactor|release|reload|remember|remind|remove|rename|repeat|replace|reset|resolve|restart|restore|retry|return|revert|review|rewrite|rollback|run|save|scaffold|scan|search|send|set|ship|show|simplify|sort|spawn|split|squash|start|stash|stop|store|summari[sz]e|switch|sync|tag|take|test(?!ing)|think|touch|track|train|trigger|truncate|try|turn|undo|uninstall|update|upgrade|upload|use|validate|verify|wipe|wire|rm|ls|cd|cat|git|npm|npx|pnpm|yarn|docker|kubectl|sudo|mkdir|mv|cp|chmod|curl|wget|pip|python3?|cargo|bash|pwd|echo|sed|awk|tar|ssh|brew|apt|systemctl|write (?!me a (?:haiku|poem|limerick|song|joke)))\b/u;

const APPROVAL =
  /^(?:y|yes|yep|yeah|yup|no|n|nope|ok|okay|k|sure|go|do it|go ahead|approved?|proceed|continue|next|start|stop|again|both|all|none|the (?:first|second|third|last|other)|(?:option|number|item|#)? ?\d+|[a-d]|lgtm|fine|good|great|perfect|excellent|agreed|i agree|of course|for sure|indeed|definitely|absolutely|(?:that )?makes sense|fair enough|i think so too|me too|same here|whatever|nothing(?: special| really)?|no reason|exactly|correct|right|sounds good|looks good|ja|nein|oui|non|sí|si|sim|não|tak|nie|да|нет|evet|hayır|はい|いいえ|好的?|可以|行|네|아니요)(?: (?:please|bitte|that one|them|it))?$/u;

/** Something works again: a closing remark when thanks or joy stand beside it. */
const CLOSING =
  /^(?:(?:that|the|this|your|it|everything|all)\b.{0,60}\b(?:gone|works?(?: now| again| fine| great)?|working(?: now| again)?|green(?: now)?|fixed(?: now)?|went (?:well|fine)|took forever|was (?:great|good|really good|helpful|fast|perfect)|looks? (?:great|good|fine)|running again|done)|(?:fixed|solved|found) it (?:myself )?(?:already)?|we shipped it|i got promoted|it works|works now|works again)(?: now| already| today| yesterday| lol)?$/u;
const JOY =
  /\b(?:thanks|thank you|thx|cheers|great|awesome|happy|perfect|nice|lovely|enjoy|well done|good job|yay|danke|merci|gracias|grazie|obrigad[oa]|спасибо)\b/u;

/** General knowledge: a definition, a fact, arithmetic. The topic may not point at anything here. */
const TOPIC =
  "(?!(?:this|that|these|those|our|my|your|the (?:plan|error|problem|status|point|purpose|issue|bug|reason|next|best|latest|current|test|coverage|build|code|state|result|change|difference here)|wrong|going|causing|happening|left|new|next|in|on|broken|missing|stored|eating|taking|making|blocking|being|it|he|she|they)\\b)(?:(?!\\b(?:this|our|my|here|repo|project|codebase|we|us)\\b).){1,80}";
const SHORT_TOPIC = TOPIC.replace(".){1,80}", ".){1,40}");
const SUBJECT =
  "python|java|javascript|js|typescript|rust|go|golang|c\\+\\+|c#|c|ruby|php|perl|kotlin|swift|scala|haskell|lisp|cobol|bash|linux|unix|macos|windows|git|docker|kubernetes|sql|postgres|mysql|sqlite|redis|html|css|json|yaml|toml|xml|utf-8|unicode|http|https|tcp|udp|rest|graphql|react|vue|angular|node|npm";
const KNOWLEDGE = phrases(
  `what(?:'s| is| are|s) (?:an? )?(?!the |\\d|number \\d|item )${SHORT_TOPIC}`,
  `what(?:'s| is| are|s) the (?:(?:main |exact |short )?(?:difference|meaning|definition|plural|opposite|capital|default port|default|shortcut|syntax|command|abbreviation|etymology|origin|population|(?:speed|height|size)(?= of (?:an? |the (?:sun|moon|earth|universe)\\b|light\\b|sound\\b|mount ))|unit|symbol|formula|(?:boiling|melting|freezing) point|square root|http code|status code|exit code|file extension|extension|biggest|largest|tallest|longest|smallest|oldest|highest|fastest|deepest)) ${TOPIC}`,
  `what (?:does|do) (?!the (?!(?:term|word|acronym|abbreviation|expression|phrase|symbol|prefix|suffix|letters?)\\b))${TOPIC} (?:mean|stand for|do in (?:linux|unix|bash|git|vim|sql))(?: in [\\p{L} ]{2,24})?(?:,? vs [\\p{L} ]{1,20})?`,
  `what (?:default )?(?:port|http code|status code|shortcut|file extension|year|country|language) (?:does|do|is|was|did) ${TOPIC}`,
  `(?:who|when) (?:is|was|were|did|invented|wrote|created|made|designed|discovered|came up with|coined) (?!the (?:last|next)|last|next)${SHORT_TOPIC}(?: (?:come out|released|born|invented|created))?`,
  `(?:in )?which (?:year|country) (?:was|is|did) ${TOPIC}|which is (?:older|newer|bigger|faster|stricter),? ${SHORT_TOPIC}`,
  `how (?:many|much) (?:is [\\d.,^*/+ x×%-]+|(?:bits?|bytes?|kilobytes|megabytes|days|hours|minutes|seconds|weeks|months|meters|feet|inches|planets|continents|countries|people|legs) (?:are|is|has|have|does|do|fit) (?:there )?(?:in |an? )?${TOPIC})`,
  `(?:roughly |about )?how (?:long|far|fast|big|heavy|old|tall|hot|cold) is an? ${SHORT_TOPIC}`,
  `how do (?:you|i|we) (?:spell|pronounce|say|exit|leave|quit) ${SHORT_TOPIC}`,
  `how (?:does|do) (?:an? )?(?!the )${SHORT_TOPIC} work(?: in general| internally)?(?:,? (?:short version|in short|roughly))?`,
  `(?:is|are|does|do|can|has) (?:an? )?(?:${SUBJECT})(?: (?:(?!\\b(?:this|our|my|here|repo|project|we|us|the)\\b).){1,60})?`,
  `(?:is|are) (?:an? )?[\\p{L}\\d.+#-]{1,16} (?:an? (?:[\\p{L}-]+ )?(?:number|language|planet|country|animal|fruit|vegetable|word|verb|protocol|database|framework|library|metal|myth|sport|city|continent|editor|shell|paradigm|algorithm|data structure|design pattern)|older than|newer than|faster than|slower than|better than|bigger than|the same as|compiled|interpreted|dynamically typed|statically typed|strongly typed|open source|case[- ]sensitive|turing complete|object[- ]oriented|even|odd|prime)(?: [\\p{L}\\d.+# -]{1,30})?`,
  `what (?:is|are) \\d[\\d.,^*/+ x×%()-]*(?: (?:to the power of|times|plus|minus|divided by|mod|percent of) \\d[\\d.]*)?|(?:what'?s|how much is|calculate|compute) [\\d(][\\d.,^*/+ x×%()-]*(?: (?:in (?:hex|binary|decimal|octal)|squared|cubed|percent of [\\d.]+|divided by [\\d.]+|times [\\d.]+|plus [\\d.]+|minus [\\d.]+))?`,
  `why (?:is|are) (?:the (?:sky|sea|ocean|sun|moon|grass|earth)|water|snow|ice|blood|leaves|cats|dogs|people|humans) [\\p{L} ]{2,30}|why do (?:people|humans|programmers|developers|cats|dogs|birds|leaves|we|computers) (?:(?!\\b(?:here|our|this|my)\\b)[\\p{L} ]){2,40}|how (?:far(?: away)?|big|old|hot|heavy) (?:is|are) the (?:sun|moon|earth|universe|stars|sea|ocean)`,
  `(?:are tabs|is zero|is water|is the earth|is a hotdog) .{1,40}`,
  `define (?!an? |the |this |our )${SHORT_TOPIC}|explain (?:what (?:an? )?)?(?!(?:it|this|that|the|how|why|our|my|your)\\b)${SHORT_TOPIC}(?: is| means)?(?: in (?:one|a|two|simple|short|plain) [\\p{L}]+(?: words)?)?`,
  `translate ["'][^"']{1,60}["'] (?:in)?to [\\p{L}]+`,
  `give me (?:a synonym|another word|a definition) (?:for|of) ${TOPIC}`,
  `(?:name|list) (?:two|three|four|five|some) (?!(?:files|bugs|problems|issues|tests|things|modules)\\b)${TOPIC}`,
  `(?:[\\p{L}\\d.+#-]{1,16} ){1,2}(?:vs\\.?|versus) [\\p{L}\\d.+#-]{1,16}(?: [\\p{L}\\d.+#-]{1,16})?(?:,? (?:tldr|in a nutshell|short|which (?:one )?is [\\p{L}]+))?|(?:tabs|vim|emacs|spaces|cats|dogs|coffee|tea) or (?:tabs|vim|emacs|spaces|cats|dogs|coffee|tea)`,
  `[\\d.,\\s]+(?:[-+*/^x×]|mod|plus|minus|times)[\\d.,\\s]+`,
  `was (?:ist|sind|bedeutet|heißt) (?!(?:das|dies|hier|los|der plan|der stand|der fehler|falsch|kaputt|mit)\\b)(?:(?!\\b(?:unser|mein|hier|projekt)\\w*).){1,60}`,
  `(?:c'est quoi|que (?:signifie|veut dire)|qu'est-ce qu(?:e|'une?)(?: c'est)?) (?!(?:ce|cette|notre|mon|le (?:plan|problème))\\b)(?:(?!\\b(?:notre|mon|ce fichier|projet)\\b).){1,60}`,
  `¿?qué (?:es|significa) (?!(?:esto|este|esta|nuestro|mi)\\b)(?:(?!\\b(?:nuestr[oa]|este|esta|proyecto)\\b).){1,60}|¿?cómo se dice .{1,40}`,
  `(?:che )?cosa (?:è|significa) (?!(?:questo|questa|nostro)\\b)[^,]{1,60}|o que (?:é|significa) (?!(?:isso|este|esta|nosso)\\b)[^,]{1,60}|wat (?:is|betekent) (?!(?:dit|dat|er|onze|het (?:plan|probleem))\\b)[^,]{1,60}|co (?:to jest|oznacza) (?!(?:to|nasz)\\b)[^,]{1,60}|что (?:такое|значит) (?!(?:это|этот|наш|тут|здесь))[^,]{1,60}|[\\p{L}-]{2,30} (?:nedir|ne demek)|[\\p{L}\\d]{1,20}とは(?:何ですか|なんですか)?|什么(?:是|叫)[\\p{L}\\d]{1,20}|[\\p{L}\\d]{1,20}是什么意思|[\\p{L}\\d]{1,20}(?:이란|란) (?:무엇인가요|뭐야)`,
);

export function decideGate(message: string): GateRuleReading {
  const text = message.normalize("NFKC").trim();
  if (text === "") return { decision: "escalate", reason: "empty message", mayStay: false };
  if (COMMAND.test(text)) return { decision: "stay", reason: "a basic command", mayStay: true };
  if (text.startsWith("/")) return { decision: "escalate", reason: "not one of the basic commands", mayStay: false };
  if (text.length > MAX_LENGTH || text.includes("\n"))
    return { decision: "escalate", reason: "too long to be talk", mayStay: false };
  const lower = text
    .toLowerCase()
    .replace(/[\u2018\u2019]/gu, "'")
    .replace(/[\u201c\u201d„«»]/gu, '"')
    .replace(/:\)|:-\)|:d\b|;\)/gu, "");
  return decideText(lower);
}

function decideText(text: string): GateRuleReading {
  const whole = strip(text);
  if (APPROVAL.test(whole))
    return {
      decision: "escalate",
      reason: "an approval or reference to something the gate cannot see",
      mayStay: false,
    };
  const segments = text
    .split(/[.!?…。！？、，,:]+(?=\s|$|[^\x20-\x7e])|(?<=[。！？、，])|\s[-–—]\s|\n/u)
    .map(bare)
    .filter((part) => part !== "");
  const joyful = JOY.test(text);
  const known = (part: string): boolean =>
    forms(part).some(
      (form) =>
        isTalk(form) || ABOUT.test(form) || isSmallTalk(form) || (joyful && CLOSING.test(form) && !/\?/.test(text)),
    );
  const lively = segments.some((part) => isTalk(part) || forms(part).some(isSmallTalk));
  if (segments.length > 0 && segments.every((part) => known(part) || (lively && goesWithSmallTalk(part))))
    return { decision: "stay", reason: "talk, or a question about bmo and the user", mayStay: true };
  for (const [pattern, reason] of FORBIDDEN) {
    if (pattern.test(text) && !(joyful && segments.some(isTalk) && segments.every((part) => known(part))))
      return { decision: "escalate", reason, mayStay: false };
  }
  const general = (part: string): boolean => known(part) || forms(part).some((form) => KNOWLEDGE.test(form));
  if (segments.some((part) => forms(part).some((form) => TASK.test(form)) && !general(part)))
    return { decision: "escalate", reason: "it asks for something to be done", mayStay: false };
  if (segments.some((part) => forms(part).some((form) => REQUEST.test(form)) && !known(part)))
    return { decision: "escalate", reason: "a request in the shape of a question or wish", mayStay: false };
  if (segments.length > 0 && (general(whole) || segments.every(general)))
    return { decision: "stay", reason: "general knowledge that needs no project", mayStay: true };
  return { decision: "unsure", reason: "rules do not know it as talk", mayStay: true };
}

function isTalk(part: string): boolean {
  return TALK.test(part) || TALK_ELSEWHERE.test(part);
}

/** As written and without the politeness around it. */
function forms(part: string): string[] {
  const short = strip(part);
  const general = short.replace(
    / (?:for me|with me|to me|for us|pour moi|pour nous|für mich|für uns|para mí|per me|para mim|voor mij|dla mnie|для меня|here|hier|ici|aquí|qui|aqui|здесь|today|heute|aujourd'hui|hoy|oggi|hoje|сегодня|bugün|exactly|genau|really|actually)$/u,
    "",
  );
  return [...new Set([part, short, general])].filter((form) => form !== "");
}

function bare(part: string): string {
  return part.trim().replace(/^[\s¿¡"'(]+|[\s.!?…。！？、，,:;"')~]+$/gu, "");
}

/** Without politeness around it and without final punctuation or signs. */
function strip(part: string): string {
  return bare(part)
    .replace(/^(?:(?:so|and|anyway|ok|oh|well|please|hey|btw|lol|also|wow|haha+|nah|yeah|and)[, ]+)+(?=\p{L}{2})/u, "")
    .replace(/[, ]+(?:please|lol|haha|btw|tldr|bitte|right|generally|everyone|all|mate|:\))$/u, "")
    .replace(/\p{Extended_Pictographic}+\s*$/u, (signs) => (signs.length === part.trim().length ? signs : ""))
    .trim();
}
