/** `sanctor watch`: prints the cluster's events as they come, one line each. */

import { decodeJson } from '../../actors/json.ts';
import { eventSchema } from '../../protocols/events.ts';
import { faultSchema, faultText } from '../../protocols/faults.ts';
import { idOf } from '../../protocols/ids.ts';
import { senderOf, subjectsOf } from '../../protocols/subjects.ts';
import { connectNatsBus } from '../nats/bus.ts';
import { createPinoLog } from '../pino-log.ts';
import { findRunningCluster } from '../supervisor/cluster-registry.ts';

/** Runs until interrupted. */
export async function watch(cluster: string | undefined, json: boolean): Promise<void> {
  const entry = findRunningCluster(cluster);
  const log = createPinoLog({ name: 'watch', level: 'warn' });
  const bus = await connectNatsBus({
    servers: entry.natsUrl,
    name: 'watch/control',
    log,
    waitForServer: false,
  });
  bus.onState((state) => {
    if (state === 'disconnected')
      process.stderr.write('connection lost; waiting for the NATS server\n');
  });
  bus.subscribe(subjectsOf(idOf(entry.cluster)).events(), {
    message: (data, subject) => {
      const line = json ? jsonLine(subject, data) : eventLine(subject, data);
      if (line !== null) process.stdout.write(`${line}\n`);
    },
  });
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    process.stdout.once('error', () => resolve());
  });
  await new Promise<void>((resolve) => bus.close(resolve));
}

function jsonLine(subject: string, data: Uint8Array): string | null {
  const body = decodeJson(data);
  return body === undefined ? null : JSON.stringify({ subject, ...(body as object) });
}

/** `21:04:05.123  switch s1  transition  coordinator:vol0/0 settling → serving  (partition.settled)`; null for no news. */
export function eventLine(subject: string, data: Uint8Array): string | null {
  const from = senderOf(subject);
  const parsed = eventSchema.safeParse(decodeJson(data));
  if (from === null || !parsed.success) return null;
  const { sequence: _, incarnation: __, timeMs, ...fields } = parsed.data;
  if (from.what === 'transition' && isLookingAgain(fields)) return null;
  const time = new Date(timeMs).toISOString().slice(11, 23);
  const sender = `${from.sender.kind} ${from.sender.id}`;
  return `${time}  ${sender.padEnd(16)}  ${from.what.padEnd(10)}  ${detailText(from.what, fields)}`;
}

/** That a failed link is looked at again, twice a second, is no news; what it is found to be, is. */
function isLookingAgain({ machine, from, to }: Readonly<Record<string, unknown>>): boolean {
  if (!String(machine).startsWith('path:')) return false;
  return to === 'probing' || (from === 'probing' && to === 'failed');
}

function detailText(what: string, fields: Readonly<Record<string, unknown>>): string {
  if (what === 'transition') {
    const from = fields.from === '' ? '' : `${String(fields.from)} → `;
    const cause = fields.event === '' ? '' : `  (${String(fields.event)})`;
    return `${String(fields.machine)} ${from}${String(fields.to)}${cause}`;
  }
  if (what === 'fault') {
    const { what: change, ...rest } = fields;
    const fault = faultSchema.safeParse(rest);
    if (fault.success) return `${String(change)} ${faultText(fault.data)}`;
  }
  if (what === 'hello') return `${String(fields.state)}`;
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}
