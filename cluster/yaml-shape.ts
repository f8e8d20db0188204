/**
 * The shape of a YAML text, looked at before the text is composed: composing takes a call for each level, so that a few
 * thousand brackets end the process, and compares each key of a map with all others.
 */
import { type CST, Parser } from 'yaml';

export interface YamlShapeLimits {
  readonly levelsMax: number;
  /** Of one map. */
  readonly keysMax: number;
}

/** What is out of proportion, and where it begins in the text. */
export interface YamlShapeProblem {
  readonly offset: number;
  readonly problem: string;
}

interface Place {
  readonly token: CST.Token;
  readonly level: number;
}

/** What exceeds the limits, if anything does. Never throws, whatever the text is. */
export function yamlShapeProblem(text: string, limits: YamlShapeLimits): YamlShapeProblem | null {
  const { levelsMax, keysMax } = limits;
  const open: Place[] = [];
  for (const token of new Parser().parse(text)) open.push({ token, level: 0 });
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { token, level } = place;
    const { offset } = token;
    if (level > levelsMax) return { offset, problem: `nested deeper than ${levelsMax} levels` };
    if (token.type === 'document' && token.value) open.push({ token: token.value, level });
    if (!('items' in token)) continue;
    if (isMap(token) && token.items.length > keysMax)
      return { offset, problem: `a map of more than ${keysMax} keys` };
    for (const { key, value } of token.items) {
      if (key) open.push({ token: key, level: level + 1 });
      if (value) open.push({ token: value, level: level + 1 });
    }
  }
  return null;
}

function isMap(token: CST.Token): boolean {
  if (token.type === 'flow-collection') return token.start.type === 'flow-map-start';
  return token.type === 'block-map';
}
