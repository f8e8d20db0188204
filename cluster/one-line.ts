/** Texts of others on a terminal: what came over the network may hold anything, and terminals obey control characters. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** The text with control characters and line ends spelled out. */
export function oneLine(text: string): string {
  return text.replace(
    controlCharacters,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
