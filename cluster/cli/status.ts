/** `sanctor status`: what a cluster is doing, as tables for people or JSON for programs. */
import { faultKindText, faultSchema } from '../../protocols/faults.ts';
import type { StatusReport } from '../status-report.ts';
import { collectStatus } from '../status-report.ts';
import { tableOf } from './table.ts';
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
    sectionOf('faults', report.faults.map(faultRow), ['target', 'kind', 'nodes']),
    sectionOf('nodes', report.nodes, ['name', 'pid', 'state', 'restarts', 'actors']),
    sectionOf('actors', report.actors, ['kind', 'id', 'state']),
    sectionOf('volumes', report.volumes, [
      'name',
      'size',
      'state',
      'generation',
      'layout',
      'reason',
    ]),
    sectionOf('coordinators', report.coordinators, ['volume', 'partition', 'switch', 'epoch']),
    sectionOf('exports', report.exports, ['host', 'volume', 'attach', 'uri', 'problem']),
    sectionOf('paths', report.paths, [
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

/** '' when there is nothing to show. */
function sectionOf(title: string, rows: readonly object[], columns: readonly string[]): string {
  return rows.length === 0 ? '' : `\n${title}\n${tableOf(rows, columns)}`;
}
