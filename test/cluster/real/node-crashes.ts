/** Killing the processes of a cluster by what `sanctor status` says, and waiting until it is well again. */

import { isStopped } from '../../tools/processes.ts';
import type { ClusterStatus, RunningCluster } from '../../tools/running-cluster.ts';
import { until, untilAsync } from '../../tools/until.ts';

const recoveryTimeoutMs = 30_000;

/** The process id of a running node; 0 when it does not run. */
export function pidOf({ nodes }: ClusterStatus, name: string): number {
  return nodes.find((node) => node.name === name)?.pid ?? 0;
}

/** Waits until the status of a cluster is as wanted; it may have none for a while. */
export async function untilStatus(
  cluster: RunningCluster,
  condition: (status: ClusterStatus) => boolean,
  what: string,
): Promise<void> {
  const holds = async () => {
    const status = await cluster.status().catch(() => null);
    return status !== null && condition(status);
  };
  await untilAsync(holds, what, recoveryTimeoutMs);
}

/** Kills a node's process, and waits until the cluster is ready with a new one. */
export function crashAndRecover(cluster: RunningCluster, node: string): Promise<void> {
  return crashTogetherAndRecover(cluster, [node]);
}

/** The same for several at once. */
export async function crashTogetherAndRecover(
  cluster: RunningCluster,
  nodes: readonly string[],
): Promise<void> {
  const before = await cluster.status();
  for (const node of nodes) process.kill(pidOf(before, node), 'SIGKILL');
  await untilStatus(
    cluster,
    (status) => status.ready && nodes.every((node) => pidOf(status, node) !== pidOf(before, node)),
    `the cluster to be ready with a new ${nodes.join(' and ')}`,
  );
}

/** Kills several processes, which stay away while something is done. @param targets as `disk:d1` */
export async function whileCrashed(
  cluster: RunningCluster,
  targets: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  await Promise.all(targets.map((target) => cluster.sanctor('fault', target, 'crash')));
  await work();
  await Promise.all(targets.map((target) => cluster.sanctor('heal', target)));
  await untilStatus(cluster, ({ ready }) => ready, 'the cluster to be ready again');
}

/** Lets a node's process stand still while something is done. */
export async function whilePaused<Result>(
  cluster: RunningCluster,
  node: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const pid = pidOf(await cluster.status(), node);
  process.kill(pid, 'SIGSTOP');
  try {
    await until(() => isStopped(pid), `node ${node} to stand still`);
    return await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}
