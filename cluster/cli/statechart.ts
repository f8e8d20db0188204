/** `sanctor statechart`: a machine as it runs, drawn or as its definition. */
import { type ListedMachine, machines } from '../../actors/machines.ts';
import { mermaidOf } from '../statechart/mermaid.ts';

export interface StatechartOptions {
  readonly format: 'mermaid' | 'json';
  /** For the list of machines. */
  readonly json?: boolean;
}

/** @throws Error when there is no such machine; the message names those that there are. */
export function statechart(name: string | undefined, options: StatechartOptions): void {
  if (name === undefined) {
    process.stdout.write(options.json === true ? listJson() : listText());
    return;
  }
  const { machine } = machineCalled(name);
  const format = options.json === true ? 'json' : options.format;
  switch (format) {
    case 'mermaid':
      process.stdout.write(mermaidOf(machine));
      return;
    case 'json':
      // What `createMachine` and Stately's tools take; XState's own `definition` is not taken by either.
      process.stdout.write(`${JSON.stringify(machine.config, null, 2)}\n`);
      return;
  }
}

function machineCalled(name: string): ListedMachine {
  const found = machines.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = machines.map((each) => each.name).join(', ');
  throw new Error(`there is no machine ${name}; there are: ${names}`);
}

function listText(): string {
  const width = Math.max(...machines.map(({ name }) => name.length));
  return machines.map(({ name, decides }) => `${name.padEnd(width)}  ${decides}\n`).join('');
}

function listJson(): string {
  const list = machines.map(({ name, decides }) => ({ name, decides }));
  return `${JSON.stringify({ machines: list }, null, 2)}\n`;
}
