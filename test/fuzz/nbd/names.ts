/** The names of the standard's numbers, for counts that people read. */
import * as nbd from '../../../protocols/nbd/constants.ts';

function namesOf(prefix: string): ReadonlyMap<number, string> {
  return new Map(
    Object.entries(nbd)
      .filter(([name, value]) => name.startsWith(prefix) && typeof value === 'number')
      .map(([name, value]) => [Number(value), name]),
  );
}

const options = namesOf('NBD_OPT_');
const optionReplies = namesOf('NBD_REP_');
const commands = new Map([...namesOf('NBD_CMD_')].filter(([, name]) => !name.includes('FLAG')));
const errors = new Map([...namesOf('NBD_E'), [0, 'NBD_SUCCESS'] as const]);

export function optionName(option: number): string {
  return options.get(option) ?? 'unknown option';
}

export function optionReplyName(type: number): string {
  return optionReplies.get(type) ?? 'unknown reply';
}

export function commandName(command: number): string {
  return commands.get(command) ?? 'unknown command';
}

export function errorName(error: number): string {
  return errors.get(error) ?? 'unknown error';
}
