/** What is said of blocks of a running cluster. Pure. */
import type { DiskId, VolumeId } from '../../../protocols/ids.ts';
import { sizeText } from '../../../protocols/topology/sizes.ts';
import { blockBytes } from '../../../protocols/units.ts';
import type { Finding } from '../finding.ts';
import { type RunLeg, type VerifiedRun, volumeOffsetOf } from './verified-runs.ts';

/** A range of a run that a disk cannot give whole. */
export interface BadRange {
  readonly run: VerifiedRun;
  readonly leg: RunLeg;
  /** Within the run. */
  readonly atBytes: number;
  readonly lengthBytes: number;
  /** In the disk's words. */
  readonly why: string;
}

export function badBlock(
  volume: VolumeId,
  { run, leg, atBytes, lengthBytes, why }: BadRange,
): Finding {
  const { disk } = leg;
  const volumeOffset = volumeOffsetOf(run, atBytes);
  const diskOffset = leg.diskOffset + atBytes;
  const which =
    lengthBytes <= blockBytes ? 'the block' : `some of the ${sizeText(lengthBytes)} that begin`;
  const others = run.legs.filter((other) => other !== leg).map((other) => other.disk);
  return {
    severity: 'error',
    kind: 'bad-block',
    disk,
    volume,
    block: { volumeOffset, copies: [{ disk, diskOffset }] },
    what: `${which} at offset ${volumeOffset} of volume ${volume} (byte ${diskOffset} of ${disk}) cannot be had: ${why}`,
    remedy:
      others.length === 0
        ? 'No other mirror in sync has it: restore it from a backup, or write it anew.'
        : `sanctor scrub ${volume} makes it good from ${others.join(', ')}, if it is whole there; if it comes back, move the file of the disk to another medium.`,
  };
}

export function unequal(volume: VolumeId, run: VerifiedRun, atBytes: number): Finding {
  const volumeOffset = volumeOffsetOf(run, atBytes);
  const copies = run.legs.map(({ disk, diskOffset }) => {
    return { disk, diskOffset: diskOffset + atBytes };
  });
  const places = copies.map(({ disk, diskOffset }) => `byte ${diskOffset} of ${disk}`).join(', ');
  return {
    severity: 'warning',
    kind: 'unequal',
    volume,
    block: { volumeOffset, copies },
    what: `mirrors in sync differ within 1 MiB behind offset ${volumeOffset} of volume ${volume} (${places}), or it is being written all the time`,
    remedy: `sanctor scrub ${volume} compares it while nobody writes there, and makes it equal where that is certain.`,
  };
}

export function notVerified(volume: VolumeId, disk: DiskId, why: string): Finding {
  return {
    severity: 'warning',
    kind: 'not-verified',
    disk,
    volume,
    what: `what disk ${disk} has of volume ${volume} was not verified to its end: ${why}`,
    remedy: 'Check again once the disk answers.',
  };
}
