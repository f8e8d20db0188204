/** `sanctor status`: what a cluster is doing, for people or as JSON for programs. */
import { collectStatus } from '../status-report.ts';
import type { CommonOptions } from './common-options.ts';
import { statusText } from './status-text.ts';
import { withCluster } from './with-cluster.ts';

export interface StatusOptions extends CommonOptions {
  readonly paths?: boolean;
}

/** Prints the state of a running cluster; the exit code is 1 when it is not ready. */
export async function status({ cluster, json, paths = false }: StatusOptions): Promise<void> {
  const report = await withCluster(cluster, ({ client, topology }) =>
    collectStatus(client, topology),
  );
  process.stdout.write(
    json === true
      ? `${JSON.stringify(report, null, 2)}\n`
      : statusText(report, { allPaths: paths }),
  );
  if (!report.ready) process.exitCode = 1;
}
