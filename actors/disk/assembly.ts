/**
 * What the command `assemble` does to a superblock: the virtualizer's decision about one volume replaces what the
 * disk knew of it, unless the decision is older or not meant for this disk. Pure; making it durable is
 * `superblock-store.ts`'s, and the disk confirms only after that.
 */
import type { RefusalReason } from '../../protocols/commands.ts';
import type { AttachmentRecord, DiskAssembly, ExtentRecord } from '../../protocols/control-data.ts';
import { blockBytes } from '../../protocols/units.ts';
import { extentReferenceMax, tagEpochMax } from './block-tags.ts';
import type { ExtentEntry, SuperblockContent, VolumeEntry } from './superblock.ts';

/** Volumes that may have extents on one disk. */
export const volumesMax = 1024;

export type Assembled =
  | { readonly ok: true; readonly content: SuperblockContent }
  | { readonly ok: false; readonly reason: RefusalReason; readonly message: string };

type Problem = { readonly reason: RefusalReason; readonly message: string } | null;

/** The superblock after `assembly`; equal to the one before when nothing new was decided. */
export function assemble(
  content: SuperblockContent,
  assembly: DiskAssembly,
  homeBytes: number,
): Assembled {
  const known = content.volumes.find(({ volume }) => volume === assembly.volume);
  const problem =
    wrongDisk(content, assembly) ??
    (known === undefined ? tooManyVolumes(content) : goesBackwards(known, assembly)) ??
    badExtents(content, assembly, homeBytes) ??
    badEpochs(assembly);
  if (problem !== null) return { ok: false, ...problem };
  let nextReference = content.nextReference;
  const extents = assembly.extents.map((extent): ExtentEntry => {
    const reference = referenceOf(known, extent) ?? nextReference++;
    return { ...extent, reference };
  });
  if (nextReference > extentReferenceMax + 1) {
    const message = `disk ${content.disk} has used up its extent references; format it anew`;
    return { ok: false, reason: 'refused', message };
  }
  const { cluster, clusterIdentity } = assembly;
  const volumes = content.volumes.filter((entry) => entry !== known);
  volumes.push(entryOf(assembly, extents, known));
  volumes.sort((one, other) => (one.volume < other.volume ? -1 : 1));
  return { ok: true, content: { ...content, cluster, clusterIdentity, nextReference, volumes } };
}

function entryOf(
  assembly: DiskAssembly,
  extents: readonly ExtentEntry[],
  known: VolumeEntry | undefined,
): VolumeEntry {
  const { volume, generation, controlEpoch, partitions, attachments, eventCounts } = assembly;
  const highestEpoch = Math.max(
    known?.highestEpoch ?? 0,
    ...partitions.map(({ epoch }) => epoch),
    ...attachments.map(({ attachEpoch }) => attachEpoch),
  );
  return {
    volume,
    generation,
    controlEpoch,
    highestEpoch,
    extents,
    partitions,
    attachments,
    eventCounts,
  };
}

/** An extent keeps its reference as long as it is the same owner's. */
function referenceOf(known: VolumeEntry | undefined, extent: ExtentRecord): number | undefined {
  return known?.extents.find(
    (entry) =>
      entry.extent === extent.extent &&
      entry.generation === extent.generation &&
      entry.start === extent.start,
  )?.reference;
}

function wrongDisk(content: SuperblockContent, assembly: DiskAssembly): Problem {
  const { disk, identity, instance, clusterIdentity } = content;
  const meant = assembly.disk;
  if (meant.disk !== disk || meant.identity !== identity)
    return {
      reason: 'refused',
      message: `meant is disk ${meant.disk} (${meant.identity}), this is ${disk} (${identity})`,
    };
  if (meant.instance !== instance)
    return {
      reason: 'refused',
      message: `disk ${disk} restarted: its instance is ${instance} now, meant is ${meant.instance}`,
    };
  if (clusterIdentity !== '' && clusterIdentity !== assembly.clusterIdentity)
    return {
      reason: 'refused',
      message: `disk ${disk} belongs to another cluster (${content.cluster}, ${clusterIdentity})`,
    };
  return null;
}

function tooManyVolumes({ disk, volumes }: SuperblockContent): Problem {
  if (volumes.length < volumesMax) return null;
  return {
    reason: 'refused',
    message: `disk ${disk} has extents of ${volumesMax} volumes already`,
  };
}

function fenced(what: string, current: number, asked: number): Problem {
  return { reason: 'fenced', message: `${what} is ${current} here, asked for is ${asked}` };
}

/** No number that fences may ever go down, nor be given to somebody else. */
function goesBackwards(known: VolumeEntry, assembly: DiskAssembly): Problem {
  if (assembly.controlEpoch < known.controlEpoch)
    return fenced('the control epoch', known.controlEpoch, assembly.controlEpoch);
  if (assembly.generation < known.generation)
    return fenced('the generation', known.generation, assembly.generation);
  for (const before of known.partitions) {
    const after = assembly.partitions.find(({ partition }) => partition === before.partition);
    if (after === undefined) continue;
    const what = `the epoch of partition ${before.partition}`;
    if (after.epoch < before.epoch) return fenced(what, before.epoch, after.epoch);
    const isSame =
      after.ownerIncarnation === before.ownerIncarnation &&
      after.coordinator === before.coordinator;
    if (after.epoch === before.epoch && !isSame)
      return { reason: 'fenced', message: `${what}, ${before.epoch}, is ${before.coordinator}'s` };
  }
  for (const before of known.attachments) {
    const after = assembly.attachments.find(({ host }) => host === before.host);
    const problem = after === undefined ? null : attachmentGoesBackwards(before, after);
    if (problem !== null) return problem;
  }
  for (const { set, eventCount } of known.eventCounts) {
    const after = assembly.eventCounts.find((count) => count.set === set);
    if (after !== undefined && after.eventCount < eventCount)
      return fenced(`the event count of ${set}`, eventCount, after.eventCount);
  }
  return null;
}

function attachmentGoesBackwards(before: AttachmentRecord, after: AttachmentRecord): Problem {
  const what = `the attach epoch of host ${before.host}`;
  if (after.attachEpoch < before.attachEpoch)
    return fenced(what, before.attachEpoch, after.attachEpoch);
  if (after.attachEpoch === before.attachEpoch && after.hostIncarnation !== before.hostIncarnation)
    return { reason: 'fenced', message: `${what}, ${before.attachEpoch}, is another process's` };
  return null;
}

function badExtents(
  content: SuperblockContent,
  assembly: DiskAssembly,
  homeBytes: number,
): Problem {
  const others = content.volumes
    .filter(({ volume }) => volume !== assembly.volume)
    .flatMap(({ volume, extents }) => extents.map((extent) => ({ ...extent, volume })));
  const seen: { start: number; lengthBytes: number; name: string }[] = others.map((extent) => ({
    ...extent,
    name: `extent ${extent.extent} of volume ${extent.volume}`,
  }));
  for (const { extent, start, lengthBytes } of assembly.extents) {
    const name = `extent ${extent}`;
    const isWhole = start % blockBytes === 0 && lengthBytes % blockBytes === 0;
    if (!isWhole || lengthBytes === 0 || start + lengthBytes > homeBytes)
      return {
        reason: 'invalid',
        message: `${name} (${lengthBytes} bytes at ${start}) must be whole blocks below ${homeBytes}`,
      };
    const other = seen.find(
      (taken) => taken.start < start + lengthBytes && start < taken.start + taken.lengthBytes,
    );
    if (other !== undefined)
      return { reason: 'refused', message: `${name} overlaps ${other.name}` };
    seen.push({ start, lengthBytes, name });
  }
  return null;
}

/** Block tags hold epochs of 24 bits. */
function badEpochs({ partitions }: DiskAssembly): Problem {
  const bad = partitions.find(({ epoch }) => epoch > tagEpochMax);
  if (bad === undefined) return null;
  const message = `the epoch of partition ${bad.partition} is above ${tagEpochMax}`;
  return { reason: 'invalid', message };
}
