/** `sanctor volume list` and `sanctor volume show`. */
import { sizeText } from '../../protocols/topology/sizes.ts';
import type { ListedVolume } from '../../protocols/volume-definition.ts';
import { type ServedExport, VolumeClient } from '../volume-client.ts';
import type { CommonOptions } from './common-options.ts';
import { tableOf } from './table.ts';
import { withCluster } from './with-cluster.ts';

/** A volume, with what its hosts say of its exports. */
interface ShownVolume {
  readonly listed: ListedVolume;
  readonly exports: readonly ShownExport[];
}

type ShownExport = ListedVolume['exports'][number] & {
  /** '' while nobody can connect. */
  readonly uri: string;
  readonly problem: string;
};

/** Prints all volumes. @throws Error when no virtualizer says which there are. */
export async function listVolumes(options: CommonOptions): Promise<void> {
  const volumes = await withCluster(options.cluster, async ({ client, topology }) => {
    const asked = new VolumeClient(client, topology);
    const served = await asked.served();
    return (await asked.list()).map((listed) => shownVolume(listed, served));
  });
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ volumes: volumes.map(plainOf) }, null, 2)}\n`);
    return;
  }
  const rows = volumes.map(({ listed, exports }) => ({
    ...listed,
    size: sizeText(listed.sizeBytes),
    exports: exports.map(({ host, uri }) => uri || `${host}: not served`),
  }));
  const columns = ['volume', 'origin', 'size', 'state', 'layout', 'exports', 'reason'];
  process.stdout.write(
    rows.length === 0 ? 'there are no volumes\n' : `${tableOf(rows, columns)}\n`,
  );
}

/** Prints one volume. @throws Error with the names that there are when there is no such volume. */
export async function showVolume(name: string, options: CommonOptions): Promise<void> {
  const volume = await withCluster(options.cluster, async ({ client, topology }) => {
    const asked = new VolumeClient(client, topology);
    const found = await asked.find(name);
    return shownVolume(found, await asked.served());
  });
  process.stdout.write(
    options.json ? `${JSON.stringify(plainOf(volume), null, 2)}\n` : `${textOf(volume)}\n`,
  );
}

function shownVolume(listed: ListedVolume, served: readonly ServedExport[]): ShownVolume {
  const exports = listed.exports.map((each) => {
    const found = served.find(
      ({ host, volume, name }) =>
        host === each.host && volume === listed.volume && name === each.name,
    );
    const { uri, problem } = found ?? { uri: '', problem: `host ${each.host} does not serve it` };
    return { ...each, uri, problem };
  });
  return { listed, exports };
}

/** As `status --json` names things. */
function plainOf({ listed: { volume, sizeBytes, ...rest }, exports }: ShownVolume): object {
  return { name: volume, size: sizeBytes, ...rest, exports };
}

function textOf({ listed, exports }: ShownVolume): string {
  const { volume, origin, sizeBytes, logicalBlockBytes, state, reason } = listed;
  const lists = ['partitions', 'mirrorSets', 'attachments', 'disks'];
  return [
    `volume ${volume}`,
    `  origin      ${origin === 'topology' ? 'topology file' : 'created'}`,
    `  size        ${sizeText(sizeBytes)}, logical blocks of ${logicalBlockBytes} bytes`,
    `  state       ${state}${reason === '' ? '' : `: ${reason}`}`,
    `  generation  ${listed.generation}`,
    `  layout      ${listed.layout || 'no place yet'}`,
    `  hosts       ${listed.hosts.join(', ')}`,
    sectionOf('exports', exports),
    ...lists.map((list) => sectionOf(list, listed[list])),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** '' when there is nothing to show. */
function sectionOf(title: string, rows: unknown): string {
  if (!Array.isArray(rows) || rows.length === 0) return '';
  return `\n${title}\n${tableOf(rows as object[], Object.keys(rows[0] as object))}`;
}
