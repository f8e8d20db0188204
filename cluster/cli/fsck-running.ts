/**
 * `sanctor fsck` without files: checks a running cluster by what its actors tell, what the config database holds, and what
 * disks have stored. What is checked is in `cluster/fsck/running`.
 */
import { sizeText } from '../../protocols/topology/sizes.ts';
import type { CheckReport } from '../fsck/check.ts';
import { checkRunning } from '../fsck/running/check-running.ts';
import { type OpenConfigDatabase, openConfigDatabase } from '../nats/config-database.ts';
import { createSystemClock } from '../system-clock.ts';
import { ByteProgress } from './byte-progress.ts';
import { counted, findingLines, totalsText } from './finding-text.ts';
import { type ConnectedCluster, withCluster } from './with-cluster.ts';

/** When nothing else is said. */
export const verifyMinutesDefault = 5;
/** Its server runs: it need not be waited for. */
const openTimeoutMs = 2000;

/** @throws Error when no cluster runs, or nothing of it can be checked */
export function checkRunningCluster(
  cluster: string | undefined,
  verifyMinutes: number,
): Promise<CheckReport> {
  return withCluster(cluster, async (connected) => {
    const database = await openDatabase(connected).catch((error: unknown) =>
      lostDatabase(error instanceof Error ? error.message : String(error)),
    );
    const progress = new ByteProgress(process.stderr);
    const { client, topology } = connected;
    try {
      return await checkRunning({
        topology,
        database,
        ask: (receiver, verb, body, timeoutMs) => client.ask(receiver, verb, body, timeoutMs),
        clock: createSystemClock(),
        progress,
        verifyMs: verifyMinutes * 60_000,
      });
    } finally {
      progress.clear();
      await database.close();
    }
  });
}

function openDatabase({ entry, topology }: ConnectedCluster): Promise<OpenConfigDatabase> {
  return openConfigDatabase({
    servers: entry.natsUrl,
    name: 'sanctor/command-database',
    cluster: topology.cluster,
    // Nothing is written.
    syncsEveryWrite: false,
    mustExist: true,
    openTimeoutMs,
  });
}

/** What stands for a config database that cannot be opened, which is a finding as others are. */
function lostDatabase(reason: string): OpenConfigDatabase {
  const refuse = () => {
    throw new Error('a check writes nothing');
  };
  return {
    syncsEveryWrite: false,
    read: (_key, done) => setImmediate(done, { outcome: 'unavailable', reason }),
    list: (_prefix, done) => setImmediate(done, { unavailable: reason }),
    write: refuse,
    close: () => Promise.resolve(),
  };
}

/** The report for people. */
export function runningText(report: CheckReport): string {
  const { disks, volumes, blocks, bytes } = report.checked;
  const verified = `${counted(blocks, 'block')} verified (${sizeText(bytes)})`;
  const lines = [
    ...findingLines(report),
    `${counted(disks, 'disk')}, ${counted(volumes, 'volume')}, ${verified}: ${totalsText(report)}`,
    `Not looked at: ${report.notChecked.join(', ')}. Nothing was changed.`,
  ];
  return `${lines.join('\n')}\n`;
}
