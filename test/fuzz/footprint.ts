/** What the process holds of the machine at a moment: to be compared with another moment, and shown over time. */
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import Table from 'cli-table3';
import { mebibyte } from '../../protocols/units.ts';

export interface Footprint {
  readonly heapBytes: number;
  /** Memory behind buffers, outside of the heap. */
  readonly bufferBytes: number;
  readonly residentBytes: number;
  /** Open file descriptors; 0 where the system does not tell. */
  readonly descriptors: number;
  /** Sockets, timers and the like that keep the event loop alive. */
  readonly handles: number;
}

const turnsUntilQuiet = 4;
const collectGarbage = garbageCollector();

/** After all garbage has been collected: some is let go of only in a later turn of the event loop. */
export async function footprint(): Promise<Footprint> {
  for (let turns = 0; turns < turnsUntilQuiet; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return {
    heapBytes: heapUsed,
    bufferBytes: arrayBuffers,
    residentBytes: rss,
    descriptors: openDescriptors(),
    handles: process.getActiveResourcesInfo().filter((kind) => kind !== 'Immediate').length,
  };
}

/** One line of a table that shows a run: how far it was, how fast, and what it held. */
export interface Moment {
  readonly done: number;
  readonly perSecond: number;
  readonly held: Footprint;
}

export function footprintTable(what: string, moments: readonly Moment[]): string {
  const table = new Table({
    head: [what, 'per second', 'heap MiB', 'buffers MiB', 'resident MiB', 'descriptors', 'handles'],
    style: { head: [], border: [] },
  });
  for (const { done, perSecond, held } of moments)
    table.push([
      done,
      Math.round(perSecond),
      mebibytes(held.heapBytes),
      mebibytes(held.bufferBytes),
      mebibytes(held.residentBytes),
      held.descriptors,
      held.handles,
    ]);
  return table.toString();
}

function mebibytes(bytes: number): string {
  return (bytes / mebibyte).toFixed(1);
}

function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
