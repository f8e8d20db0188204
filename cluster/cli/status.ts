/** `sanctor status`: what a cluster is doing, as tables for people or JSON for programs. */
import Table from 'cli-table3';
import { faultKindText, faultSchema } from '../../protocols/faults.ts';
import type { StatusReport } from '../status-report.ts';
import { collectStatus } from '../status-report.ts';
import { withCluster } from './with-cluster.ts';

/** Prints the state of a running cluster; the exit code is 1 when it is not ready. */
export async function status(cluster: string | undefined, json: boolean): Promise<void> {
  const report = await withCluster(cluster, ({ client, topology }) =>
    collectStatus(client, topology),
  );
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
  if (!report.ready) process.exitCode = 1;
}

function textOf(report: StatusReport): string {
  const parts = [
    `cluster ${report.cluster}: ${report.ready ? 'ready' : 'not ready'}   NATS ${report.nats.url}`,
    ...report.waitingFor.map((what) => `  waiting: ${what}`),
    tableOf('faults', report.faults.map(faultRow), ['target', 'kind', 'nodes']),
    tableOf('nodes', report.nodes, ['name', 'pid', 'state', 'restarts', 'actors']),
    tableOf('actors', report.actors, ['kind', 'id', 'state']),
    tableOf('volumes', report.volumes, ['name', 'size', 'state', 'generation', 'layout', 'reason']),
    tableOf('coordinators', report.coordinators, ['volume', 'partition', 'switch', 'epoch']),
    tableOf('exports', report.exports, ['host', 'volume', 'attach', 'uri', 'problem']),
    tableOf('paths', report.paths, [
      'host',
      'hba',
      'disk',
      'route',
      'state',
      'preferred',
      'outstanding',
    ]),
  ];
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

function faultRow(fault: StatusReport['faults'][number]): object {
  const { nodes, ...rest } = fault;
  const parsed = faultSchema.safeParse(rest);
  return { ...fault, kind: parsed.success ? faultKindText(parsed.data) : fault.kind };
}

const plainStyle = { head: [], border: [], 'padding-left': 0, 'padding-right': 2 };
const noBorders = Object.fromEntries(
  [
    [
      'top',
      'top-mid',
      'top-left',
      'top-right',
      'bottom',
      'bottom-mid',
      'bottom-left',
      'bottom-right',
    ],
    ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ]
    .flat()
    .map((name) => [name, '']),
);

/** '' when there is nothing to show. */
function tableOf(title: string, rows: readonly object[], columns: readonly string[]): string {
  if (rows.length === 0) return '';
  const table = new Table({ head: [...columns], chars: noBorders, style: plainStyle });
  for (const row of rows) {
    table.push(columns.map((column) => cellOf((row as Record<string, unknown>)[column])));
  }
  return `\n${title}\n${table.toString()}`;
}

function cellOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(' ');
  if (value === null || value === undefined) return '-';
  if (value === true) return 'yes';
  return value === false ? 'no' : String(value);
}
