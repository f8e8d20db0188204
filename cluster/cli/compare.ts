/** `sanctor compare`: checks that the mirrors of a volume hold the same bytes. */
import { verbs } from '../../protocols/commands.ts';
import { controlDataSchema } from '../../protocols/control-data.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import { sizeText } from '../../protocols/topology/sizes.ts';
import { compareMirrors } from '../mirror-comparison.ts';
import { VolumeClient } from '../volume-client.ts';
import { type ConnectedCluster, withCluster } from './with-cluster.ts';

const differencesShownMax = 20;

/** Prints the verdict; the exit code is 1 when the mirrors differ. @throws Error when they cannot be compared. */
export async function compare(
  volume: string,
  cluster: string | undefined,
  json: boolean,
): Promise<void> {
  const result = await withCluster(cluster, async (connected) =>
    compareMirrors(connected.client, volume as VolumeId, await layoutOf(connected, volume)),
  );
  const { comparedBytes, differences } = result;
  if (json) process.stdout.write(`${JSON.stringify({ volume, ...result }, null, 2)}\n`);
  else {
    const verdict =
      differences.length === 0 ? 'are identical' : `differ in ${differences.length} places`;
    process.stdout.write(
      `${volume}: the mirrors ${verdict} (${sizeText(comparedBytes)} compared)\n`,
    );
    for (const { disks, extent, atBytes } of differences.slice(0, differencesShownMax)) {
      process.stdout.write(
        `  ${disks.join(', ')}: within 1 MiB behind byte ${atBytes} of ${extent}\n`,
      );
    }
  }
  if (differences.length > 0) process.exitCode = 1;
}

/** The layout as the virtualizer publishes it to a host that may use the volume. @throws Error when nobody tells. */
export async function layoutOf({ client, topology }: ConnectedCluster, volume: string) {
  const volumes = new VolumeClient(client, topology);
  const { hosts } = await volumes.find(volume);
  for (const host of hosts) {
    const answer = await volumes.ask(verbs.controlData, { host, volume });
    const parsed = controlDataSchema.safeParse(answer.ok ? answer.controlData : null);
    if (parsed.success) return parsed.data.layout;
  }
  throw new Error(
    `the layout of volume ${volume} is told to hosts that are attached to it, and none is; ` +
      'see sanctor status',
  );
}
