// Finds words that are not what they look like: letters of several alphabets in one word, or of another that looks the
// same. Pure.

/** Alphabets whose letters pass for Latin ones. */
const ALPHABETS: readonly (readonly [string, RegExp])[] = [
  ["Latin", /\p{Script=Latin}/u],
  ["Cyrillic", /\p{Script=Cyrillic}/u],
  ["Greek", /\p{Script=Greek}/u],
  ["Armenian", /\p{Script=Armenian}/u],
  ["Cherokee", /\p{Script=Cherokee}/u],
  ["Coptic", /\p{Script=Coptic}/u],
  ["Lisu", /\p{Script=Lisu}/u],
  ["Deseret", /\p{Script=Deseret}/u],
];
/** Letters of other alphabets that nobody tells from Latin ones. */
const LOOKS_LATIN = /^[аеорсухіѕјԁһԛԝьАВЕКМНОРСТХУЅІЈԌԚԜЗбοικνυρχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧօսոհցզյՕՍ]+$/u;

function codes(letters: readonly string[]): string {
  return [...new Set(letters)]
    .slice(0, 3)
    .map((letter) => `U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`)
    .join(", ");
}

function problemOf(word: string): string | null {
  const letters = [...word];
  const met = ALPHABETS.filter(([, expression]) => expression.test(word));
  if (met.length > 1) {
    const strange = letters.filter((letter) => /\p{L}/u.test(letter) && !/\p{Script=Latin}/u.test(letter));
    return `${word} mixes ${met.map(([name]) => name).join(" and ")} letters (${codes(strange)})`;
  }
  if (LOOKS_LATIN.test(word)) return `${word} looks Latin and is ${met[0]?.[0] ?? "not"} (${codes(letters)})`;
  const styled = letters.filter(
    (letter) => letter.normalize("NFKC") !== letter.normalize("NFC") && /^[A-Za-z0-9]/.test(letter.normalize("NFKC")),
  );
  return styled.length === 0 ? null : `${word} holds letters that only look like plain ones (${codes(styled)})`;
}

/** One phrase for each such word of a path or a command line. */
export function lookAlikes(text: string): string[] {
  const words = text.normalize("NFC").match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
  return [...new Set(words)].flatMap((word) => (/[^\x00-\x7f]/.test(word) ? (problemOf(word) ?? []) : []));
}
