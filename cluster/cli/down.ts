/** `sanctor down`: stops a cluster that runs on this machine, and waits until its supervisor has ended. */
import { setTimeout as delay } from 'node:timers/promises';
import { findRunningCluster, isAlive } from '../supervisor/cluster-registry.ts';

const stopTimeoutMs = 60_000;
const pollDelayMs = 50;

/** @throws ClusterNotFound when there is no such cluster; Error when it does not end. */
export async function down(cluster: string | undefined, json: boolean): Promise<void> {
  const entry = findRunningCluster(cluster);
  process.kill(entry.pid, 'SIGTERM');
  const deadline = performance.now() + stopTimeoutMs;
  while (isAlive(entry.pid)) {
    if (performance.now() > deadline) {
      throw new Error(
        `cluster ${entry.cluster} (process ${entry.pid}) has not stopped within ${stopTimeoutMs / 1000} s; ` +
          `its logs are in ${entry.dataFolder}/log`,
      );
    }
    await delay(pollDelayMs);
  }
  const stopped = { cluster: entry.cluster, pid: entry.pid, stopped: true };
  process.stdout.write(
    json ? `${JSON.stringify(stopped)}\n` : `cluster ${entry.cluster} stopped\n`,
  );
}
