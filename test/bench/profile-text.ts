/** A profile for people: what an I/O costs in each process, in which part of the system, and in which functions. */
import Table from 'cli-table3';
import type { LoadProfile, ProcessProfile } from './profile-run.ts';
import { idlePart } from './profile-samples.ts';

const functionsShown = 6;
const partsShown = 10;

export function profileText({ load, iops, ios, processes }: LoadProfile): string {
  const totals = totalsOf(processes);
  const byCost = Object.keys(totals).sort((a, b) => (totals[b] ?? 0) - (totals[a] ?? 0));
  const parts = byCost.slice(0, partsShown);
  const rest = byCost.slice(partsShown);
  const restOf = (us: Readonly<Record<string, number>>) =>
    rest.reduce((sum, part) => sum + (us[part] ?? 0), 0);
  const table = new Table({
    head: ['µs per I/O', 'processor', ...parts, 'rest'],
    colAligns: ['left', 'right', ...parts.map(() => 'right' as const), 'right'],
    style: { head: [], border: [], compact: true },
  });
  const perIo = (us: number | undefined) =>
    us === undefined || us / ios < 0.05 ? '' : (us / ios).toFixed(1);
  for (const { process, processorUs, span } of processes) {
    table.push([
      process,
      perIo(processorUs ?? undefined),
      ...parts.map((part) => perIo(span?.parts[part])),
      perIo(restOf(span?.parts ?? {})),
    ]);
  }
  const processorTotal = processes.reduce((sum, { processorUs }) => sum + (processorUs ?? 0), 0);
  table.push([
    'all',
    perIo(processorTotal),
    ...parts.map((part) => perIo(totals[part])),
    perIo(restOf(totals)),
  ]);
  const head = `${load}: ${Math.round(iops).toLocaleString('en')} I/O per s while profiled`;
  return [head, table.toString(), ...processes.flatMap((each) => functionLines(each, ios))].join(
    '\n',
  );
}

function totalsOf(processes: readonly ProcessProfile[]): Readonly<Record<string, number>> {
  const totals: Record<string, number> = {};
  for (const { span } of processes) {
    for (const [part, us] of Object.entries(span?.parts ?? {})) {
      if (part !== idlePart) totals[part] = (totals[part] ?? 0) + us;
    }
  }
  return totals;
}

function functionLines({ process, span }: ProcessProfile, ios: number): readonly string[] {
  if (span === null) return [];
  const busyUs = span.spanUs - (span.parts[idlePart] ?? 0);
  if (busyUs / ios < 1) return [];
  const busy = `${((busyUs / span.spanUs) * 100).toFixed(0)} % busy`;
  const lines = span.functions
    .slice(0, functionsShown)
    .map(({ name, part, us }) => `    ${(us / ios).toFixed(2).padStart(6)} µs  ${name} (${part})`);
  return [`  ${process}, ${busy}:`, ...lines];
}
