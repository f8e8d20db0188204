/**
 * The virtualizer's decisions as a disk carries them out: each is in force at once, and confirmed once it is durable
 * and nothing is under way any more that it fences.
 */
import { type Answer, type RememberedQuery, refusal } from '../../protocols/commands.ts';
import type { DiskAssembly, DiskForget } from '../../protocols/control-data.ts';
import type { DiskId, HostId, VolumeId } from '../../protocols/ids.ts';
import type { StoreError } from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';
import { assemble, forget } from './assembly.ts';
import type { DiskIo } from './disk-io.ts';
import { fenceTableOf } from './fences.ts';
import type { OpenDisk } from './open-disk.ts';
import type { SuperblockContent } from './superblock.ts';

type AnswerWith = (result: Answer) => void;

export interface DecisionListener {
  assembled(): void;
  /** What was decided cannot be kept: the disk can be trusted with nothing any more. */
  failed(reason: string): void;
}

/** What an open disk can give to extents. */
export function homeBytesOf({ device }: OpenDisk): number {
  return device.parts.layout.homeBlocks * blockBytes;
}

function referencesIn({ volumes }: SuperblockContent): ReadonlySet<number> {
  return new Set(volumes.flatMap(({ extents }) => extents.map(({ reference }) => reference)));
}

export class DiskDecisions {
  readonly #disk: DiskId;
  readonly #open: OpenDisk;
  readonly #io: DiskIo;
  readonly #listener: DecisionListener;
  /** Since the disk was opened. */
  readonly #assembled = new Set<VolumeId>();

  /** Until something is assembled every volume is fenced. */
  constructor(disk: DiskId, open: OpenDisk, io: DiskIo, listener: DecisionListener) {
    this.#disk = disk;
    this.#open = open;
    this.#io = io;
    this.#listener = listener;
    io.fence(
      fenceTableOf(open.superblock.content, () => false, new Map()),
      () => {},
    );
  }

  assemble(assembly: DiskAssembly, answer: AnswerWith): void {
    const { superblock } = this.#open;
    const { volume, generation } = assembly;
    const result = assemble(superblock.content, assembly, homeBytesOf(this.#open));
    if (!result.ok) {
      answer(refusal(result.reason, result.message));
      return;
    }
    if (!superblock.fits(result.content)) {
      const message = `the superblock of disk ${this.#disk} has no room for volume ${volume}`;
      answer(refusal('refused', message));
      return;
    }
    this.#assembled.add(volume);
    this.#enforce(result.content, answer, () => {
      this.#listener.assembled();
      answer({ ok: true, generation, instance: result.content.instance });
    });
  }

  forget(order: DiskForget, answer: AnswerWith): void {
    const { volume, generation } = order;
    const result = forget(this.#open.superblock.content, order);
    if (!result.ok) {
      answer(refusal(result.reason, result.message));
      return;
    }
    this.#assembled.delete(volume);
    this.#enforce(result.content, answer, () => answer({ ok: true, generation }));
  }

  /**
   * Tells which of the hosts' writes were done here. Under the fences of the generation that is asked about, or a later
   * one, nothing of an earlier epoch can be done any more: the answer is final.
   */
  remembered(query: RememberedQuery, answer: AnswerWith): void {
    const { superblock, device } = this.#open;
    const { volume, generation, durable, hosts } = query;
    const { instance, volumes } = superblock.durableContent;
    const known = volumes.find((entry) => entry.volume === volume)?.generation ?? 0;
    if (!this.#assembled.has(volume) || known < generation) {
      const message = `generation ${known} of volume ${volume} is assembled on disk ${this.#disk}`;
      answer(refusal('not-ready', message));
      return;
    }
    const { remembered, journal } = device.parts;
    const done = hosts.map(({ host, hostIncarnation, ioNumbers, epochsMin }) =>
      ioNumbers.filter((ioNumber, index) => {
        const io = remembered.find(host, hostIncarnation, ioNumber);
        return io !== undefined && io.epoch >= (epochsMin[index] ?? 0);
      }),
    );
    const kept = (error: StoreError | null) => {
      if (error === null) answer({ ok: true, instance, done });
      else answer(refusal('refused', `disk ${this.#disk} has failed: ${error.detail}`));
    };
    // What was applied in memory counts once it is in the journal, as its own answer would.
    journal.whenWritten((error) => {
      if (error === null && durable) journal.whenDurable(kept);
      else kept(error);
    });
  }

  #enforce(content: SuperblockContent, answer: AnswerWith, confirmed: () => void): void {
    const { superblock } = this.#open;
    const isNew = JSON.stringify(content) !== JSON.stringify(superblock.durableContent);
    let waitFor = isNew ? 2 : 1;
    const oneDone = () => {
      waitFor -= 1;
      if (waitFor === 0) confirmed();
    };
    // In force at once: nothing that is fenced may slip in while the decision becomes durable.
    this.#fence(content, oneDone);
    if (!isNew) return;
    superblock.keep(content, (error) => {
      if (error === null) {
        oneDone();
        return;
      }
      this.#listener.failed(`the superblock cannot be written: ${error.detail}`);
      answer(refusal('refused', `disk ${this.#disk} has failed: ${error.detail}`));
    });
  }

  #fence(content: SuperblockContent, over: () => void): void {
    const { device, superblock } = this.#open;
    const isAssembled = (volume: VolumeId) => this.#assembled.has(volume);
    const isAttached = (host: HostId, incarnation: number) =>
      superblock.content.volumes.some(({ attachments }) =>
        attachments.some((each) => each.host === host && each.hostIncarnation === incarnation),
      );
    this.#io.fence(fenceTableOf(content, isAssembled, this.#io.fences), () => {
      const { remembered, marks } = device.parts;
      remembered.keepOnly(isAttached);
      marks.keepOnly(referencesIn(superblock.content));
      over();
    });
  }
}
