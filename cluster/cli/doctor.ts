/** `sanctor doctor`: shows whether this machine can run the default cluster. */

import { tmpdir } from 'node:os';
import { styleText } from 'node:util';
import { examineMachine, type Finding } from '../doctor.ts';
import { topologyArgument } from './topology-argument.ts';

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

/** Prints the findings; the exit code is 1 when one of them is `fail`. */
export async function doctor(json: boolean): Promise<void> {
  const { topology } = topologyArgument(undefined);
  const listens = topology.hosts.flatMap(({ exports }) => exports.map(({ listen }) => listen));
  const findings = await examineMachine({
    ports: listens.flatMap((listen) =>
      listen.kind === 'tcp' ? [{ port: listen.port, purpose: 'NBD exports' }] : [],
    ),
    dataFolder: tmpdir(),
    diskBytes: topology.disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  });
  process.stdout.write(
    json ? `${JSON.stringify({ findings }, null, 2)}\n` : findings.map(lineOf).join(''),
  );
  if (findings.some(({ state }) => state === 'fail')) process.exitCode = 1;
}

function lineOf({ name, state, detail, remedy }: Finding): string {
  const mark = styleText(colours[state], state.padEnd(4), { stream: process.stdout });
  return `${mark}  ${name}: ${detail}${remedy === '' ? '' : `\n      ${remedy}`}\n`;
}
