/** What a schema found wrong, as a sentence for the person who wrote the topology. */
import { z } from 'zod';
import { idPattern } from '../ids.ts';
import { shown } from './layout-form.ts';

const kindTexts: Readonly<Record<string, string>> = {
  object: 'keys and values, {…}',
  array: 'a list, […]',
  tuple: 'a list, […]',
  string: 'a text',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
};

/** To be given to a schema as its `error`; what a schema says of itself goes before it. */
export function issueText(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined) return 'is missing';
  const refused = shown(issue.input);
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${kindTexts[issue.expected] ?? issue.expected}, this is ${refused}`;
    case 'invalid_value':
      return `${refused} is unknown; allowed are ${issue.values.map(String).join(', ')}`;
    case 'invalid_format':
      return issue.pattern === idPattern.toString()
        ? `${refused} is not an id; allowed are 1 to 64 letters, digits, _ and -`
        : `${refused} is not a valid ${issue.format}, ${issue.pattern ?? ''}`;
    case 'unrecognized_keys':
      return `unknown key; allowed are ${keysOf(issue.inst).join(', ')}`;
    case 'invalid_union':
      return Array.isArray(issue.options)
        ? `${shown(unionKey(issue))} is unknown; allowed are ${issue.options.map(String).join(', ')}`
        : `${refused} is not allowed here`;
    case 'too_small':
      return `${refused} is too small or too short; the least is ${issue.minimum}`;
    case 'too_big':
      return `${refused} is too large or too long; the most is ${issue.maximum}`;
    default:
      return issue.message ?? `${refused} is not allowed here`;
  }
}

function keysOf(schema: unknown): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unionKey(issue: z.core.$ZodRawIssue): unknown {
  const { input, discriminator } = issue;
  const isRecord = typeof input === 'object' && input !== null && typeof discriminator === 'string';
  return isRecord ? Reflect.get(input, discriminator) : input;
}
