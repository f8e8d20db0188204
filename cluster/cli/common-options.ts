/** Options that several commands have. */
import { InvalidArgumentError, Option } from 'commander';

export function clusterOption(): Option {
  return new Option('--cluster <name>', 'which running cluster; needed only when several run');
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON');
}

/** The exit code of a check that found nothing out, for it was used wrongly: told apart from what it finds. */
export const nothingCheckedCode = 2;

/** Reads a number above 0 for an option. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError('not a positive number');
  return value;
}

/** Reads a number from 0 on for an option. */
export function numberFromZero(text: string): number {
  return Number(text) === 0 && text.trim() !== '' ? 0 : positiveNumber(text);
}

/** What the two options give. */
export interface CommonOptions {
  readonly cluster?: string;
  readonly json?: boolean;
}
