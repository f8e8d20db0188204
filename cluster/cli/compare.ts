/** `sanctor compare`: checks that the mirrors of a volume hold the same bytes. */
import { verbs } from '../../protocols/commands.ts';
import { type ControlData, controlDataSchema } from '../../protocols/control-data.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import { sizeText } from '../../protocols/topology/sizes.ts';
import { type Comparison, compareMirrors } from '../mirror-comparison.ts';
import { VolumeClient } from '../volume-client.ts';
import { type ConnectedCluster, withCluster } from './with-cluster.ts';

const differencesShownMax = 20;

/**
 * Prints the verdict; the exit code is 1 when mirrors differ, and also when some are not in sync, which nobody compares.
 *
 * @throws Error when there are none, when they cannot be compared, or may be made equal just then.
 */
export async function compare(
  volume: string,
  cluster: string | undefined,
  json: boolean,
): Promise<void> {
  const result = await withCluster(cluster, (connected) => compareNow(connected, volume));
  const { differences, notCompared } = result;
  if (json) process.stdout.write(`${JSON.stringify({ volume, ...result }, null, 2)}\n`);
  else process.stdout.write(verdictLines(volume, result).join('\n').concat('\n'));
  if (differences.length + notCompared.length > 0) process.exitCode = 1;
}

/** @throws Error as `compare` does. */
export async function compareNow(
  connected: Pick<ConnectedCluster, 'client' | 'topology'>,
  volume: string,
): Promise<Comparison> {
  const mirrors = await servingMirrorsOf(connected, volume);
  if (mirrors.mirrorSets.length === 0)
    throw new Error(`volume ${volume} has no mirrors: there is nothing to compare`);
  const result = await compareMirrors(connected.client, volume as VolumeId, mirrors);
  const { generation } = await servingMirrorsOf(connected, volume);
  if (generation === mirrors.generation) return result;
  throw new Error(
    `something was decided about volume ${volume} while its mirrors were compared, and they may have been made equal meanwhile; compare again`,
  );
}

/** @throws Error when the volume does not serve: until it does its mirrors may be unlike. */
async function servingMirrorsOf(
  connected: Pick<ConnectedCluster, 'client' | 'topology'>,
  volume: string,
): Promise<ControlData> {
  const data = await controlDataOf(connected, volume);
  const { state, reason } = data;
  if (state === 'serving') return data;
  throw new Error(
    `volume ${volume} is ${state}${reason === '' ? '' : ` (${reason})`}, and its mirrors may not have been made equal yet; ` +
      'compare again once it serves',
  );
}

function verdictLines(volume: string, result: Comparison): readonly string[] {
  const { comparedBytes, differences, notCompared } = result;
  const which = notCompared.length === 0 ? 'mirrors' : 'mirrors in sync';
  const verdict =
    differences.length === 0 ? 'are identical' : `differ in ${differences.length} places`;
  return [
    `${volume}: the ${which} ${verdict} (${sizeText(comparedBytes)} compared)`,
    ...differences
      .slice(0, differencesShownMax)
      .map(
        ({ disks, extent, atBytes }) =>
          `  ${disks.join(', ')}: within 1 MiB behind byte ${atBytes} of ${extent}`,
      ),
    ...notCompared.map(
      ({ set, state, disks }) =>
        `  not compared: the mirror on ${disks.join(', ')} of ${set} is ${state}; see sanctor status`,
    ),
  ];
}

/** As the virtualizer publishes it to a host that may use the volume. @throws Error when nobody tells. */
export async function controlDataOf(
  { client, topology }: Pick<ConnectedCluster, 'client' | 'topology'>,
  volume: string,
): Promise<ControlData> {
  const volumes = new VolumeClient(client, topology);
  const { hosts } = await volumes.find(volume);
  for (const host of hosts) {
    const answer = await volumes.ask(verbs.controlData, { host, volume });
    const parsed = controlDataSchema.safeParse(answer.ok ? answer.controlData : null);
    if (parsed.success) return parsed.data;
  }
  throw new Error(
    `the layout of volume ${volume} is told to hosts that are attached to it, and none is; ` +
      'see sanctor status',
  );
}
