// Small talk by its words: a remark whose every word is one of everyday life, with nothing in it that could be work, an
// order or a reference. It knows what the closed phrases do not; one word from outside and it says nothing.

const set = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/**
 * Words that hold a remark together. None orders, agrees or chooses, and none says how a thing at hand stands ("down",
 * "still", "not there").
 */
const PLAIN = set(
  "i i'm i've me my mine myself we we've you you're you've your a an the and or but so as at by for from in into of than to with without about after before until like because if when while how what who well oh ah just only really very quite pretty rather bit little lot much more most such even always never often sometimes ever maybe perhaps honestly actually probably simply definitely totally almost already way too long last soon ago early late am is are was were be been being have has had having wasn't isn't aren't don't didn't doesn't can't couldn't wouldn't it's that's there's that this it day days week weeks year years hour hours minute minutes moment time times noon today tonight yesterday afternoon evening night home took felt feel feels liked likes know knew said got going getting coming thought made sense hope forgot than between those these they",
);

/**
 * Words that could stand for something at hand: with a word of feeling alone they would be a reference ("haha that").
 */
const POINTING = set("that this it those these they in for with without from the to a an and or but so");

/** Feelings, daily life and manners: one of these makes a remark of plain words small talk. */
const LIFE = set(
  "haha hah hahaha hehe lol rofl wow phew ugh meh ouch oops aww yay hooray damn gosh gee grief cheers thanks thx sorry apologies pardon congrats pleasure appreciate appreciated grateful lovely sweet funny fun awesome fantastic wonderful amazing impressed glad sad tired sleepy exhausted hungry thirsty bored nervous overwhelmed distracted grumpy lonely relieved relief rain raining snow snowing sunny weather holiday holidays vacation birthday christmas easter party cake coffee lunch dinner breakfast snack pizza beer wine cat cats dog dogs kid kids baby son daughter wife husband mum mom dad mother father brother sister friend friends grandma neighbour neighbor coworker coworkers sleep slept nap dream dreams dreamt mush headache bike football guitar garden sofa gym rambling joking kidding chatting loved love loves enjoy enjoyed hate laugh laughed tgif brb afk mondays weekend human humans grandpa shame pity polite patient calm faster kind refreshed cozy homesick tipsy jetlag jetlagged caffeine latte chocolate soup barbecue picnic beach mountains snowman sunshine puppy kitten wedding funeral dentist doctor hospital flu fever toddler toddlers niece nephew uncle aunt cousin roommate netflix concert museum hiking swimming yoga marathon holidaying tragedy babbling daydreaming honoured honored blessed thankful cheerful gloomy cranky moody hilarious adorable delightful delicious heartwarming wholesome pun puns sarcasm sarcastic",
);

/** Everyday words that work knows as well: small talk only where the remark begins with the speaker. */
const MILD = set(
  "joke jokes nice nicely great good happy funny clever smart interesting fascinating friday monday tuesday wednesday thursday saturday sunday morning tomorrow mood brain head food bed family school walk game movie music song luck idea crazy sick cold hot warm excited proud lucky surprised colleague colleagues boss",
);

const SPEAKER = /^(?:i|i'm|i've|my|you're|you've|it's|we had) /u;
/** What may stand alone; a noun alone could be a command or a name ("cat"). */
const SIGN =
  /^(?:(?:ha)+h?|(?:he)+h?|lol|rofl|wow|phew|ugh|meh|ouch|oops|aww|yay|hooray|damn|gosh|gee|cheers|thanks|thx|sorry|apologies|pardon|congrats|lovely|sweet|awesome|fantastic|wonderful|amazing|hilarious|adorable|delightful|brb|afk|tgif)(?: |$)/u;
/** What begins so could be an order or an answer. */
const ORDER =
  /^(?:cat|enjoy|sleep|dream|laugh|love|hate|with|without|like|until|from|to|for|that(?! was)|this(?! was)|the) ?/u;
const MOST_WORDS = 16;

/** `segment`: lower case, without final punctuation. */
export function isSmallTalk(segment: string): boolean {
  if (segment.includes("?")) return false;
  const said = segment.split(/\s+/u);
  if (said.length > MOST_WORDS || !said.every((word) => PLAIN.has(word) || LIFE.has(word) || MILD.has(word)))
    return false;
  if (said.some((word) => LIFE.has(word))) {
    const rest = said.filter((word) => !LIFE.has(word));
    return !ORDER.test(segment) && (rest.length === 0 ? SIGN.test(segment) : rest.some((word) => !POINTING.has(word)));
  }
  return SPEAKER.test(segment) && said.some((word) => MILD.has(word));
}

/**
 * A remark of the speaker's own without any such word: small talk only beside small talk ("phew, that was a long day").
 */
export function goesWithSmallTalk(segment: string): boolean {
  const said = segment.split(/\s+/u);
  return (
    said.length >= 3 &&
    said.length <= MOST_WORDS &&
    said.every((word) => PLAIN.has(word) || MILD.has(word)) &&
    (SPEAKER.test(segment) || /^that (?:was|took|made) /u.test(segment))
  );
}
