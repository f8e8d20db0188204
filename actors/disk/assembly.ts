/**
 * What the commands `assemble` and `forget` do to a superblock: the virtualizer's decision about one volume replaces
 * what the disk knew of it, or ends it, unless the decision is older or not meant for this disk. Pure; making it
 * durable is `superblock-store.ts`'s, and the disk confirms only after that.
 */
import type { RefusalReason } from '../../protocols/commands.ts';
import type {
  AttachmentRecord,
  DiskAssembly,
  DiskForget,
  ExtentRecord,
} from '../../protocols/control-data.ts';
import { blockBytes } from '../../protocols/units.ts';
import { extentReferenceMax, tagEpochMax } from './block-tags.ts';
import { isRetired, retire } from './retired-generations.ts';
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
    givenUp(content, known, assembly) ??
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
  const kept = new Set(extents.map(({ reference }) => reference));
  const dropped = (known?.extents ?? []).filter(({ reference }) => !kept.has(reference));
  const retired = retire(content.retired, dropped);
  return {
    ok: true,
    content: { ...content, cluster, clusterIdentity, nextReference, retired, volumes },
  };
}

/** The superblock without a volume that was deleted; equal to the one before when the disk does not know it. */
export function forget(content: SuperblockContent, body: DiskForget): Assembled {
  const known = content.volumes.find(({ volume }) => volume === body.volume);
  const problem =
    wrongDisk(content, body) ??
    (known !== undefined && body.controlEpoch < known.controlEpoch
      ? fenced('the control epoch', known.controlEpoch, body.controlEpoch)
      : null) ??
    (known !== undefined && body.generation <= known.generation
      ? fenced('the generation', known.generation, body.generation)
      : null);
  if (problem !== null) return { ok: false, ...problem };
  if (known === undefined) return { ok: true, content };
  const volumes = content.volumes.filter((entry) => entry !== known);
  const retired = retire(content.retired, known.extents);
  return { ok: true, content: { ...content, retired, volumes } };
}

function entryOf(
  assembly: DiskAssembly,
  extents: readonly ExtentEntry[],
  known: VolumeEntry | undefined,
): VolumeEntry {
  const { volume, generation, controlEpoch, partitions, attachments, mirrorSets } = assembly;
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
    mirrorSets,
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

/** No extent that this disk gave up comes back, whoever still speaks of it. */
function givenUp(
  content: SuperblockContent,
  known: VolumeEntry | undefined,
  assembly: DiskAssembly,
): Problem {
  const extent = assembly.extents.find(
    (one) => referenceOf(known, one) === undefined && isRetired(content.retired, one.generation),
  );
  if (extent === undefined) return null;
  const message =
    `disk ${content.disk} gave up extent ${extent.extent} of generation ${extent.generation}: ` +
    `volume ${assembly.volume} was deleted; delete it again to end what is left of it`;
  return { reason: 'fenced', message };
}

function wrongDisk(content: SuperblockContent, assembly: DiskAssembly | DiskForget): Problem {
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

/**
 * No number that fences may ever go down, nor be given to somebody else. Event counts begin anew with a volume that
 * has none of the extents of its former namesake.
 */
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
  const isSameLife = assembly.extents.some((extent) => referenceOf(known, extent) !== undefined);
  for (const { set, eventCount } of isSameLife ? known.mirrorSets : []) {
    const after = assembly.mirrorSets.find((each) => each.set === set);
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
