/** A switch whose volume has a mirror that is made equal beside consumers' I/O: d1 is in sync, d2 is resyncing. */
import { expect } from 'chai';
import { decodeJson } from '../../../actors/json.ts';
import type { ResyncReport } from '../../../actors/switch/resyncs.ts';
import type { Operation } from '../../../protocols/codes.ts';
import type { MirrorState } from '../../../protocols/control-data.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import { type TroubleReport, troubleReportSchema } from '../../../protocols/trouble-report.ts';
import { blockBytes, mebibyte } from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';
import { loadOf, SwitchWorld } from './switch-world.ts';

/** Where offset 0 of the volume lies on d1 and d2. */
export const firstBlock = mebibyte / blockBytes;

export function block(fill: number): Uint8Array {
  return new Uint8Array(blockBytes).fill(fill);
}

/** The states of the mirrors of m0; those of m1 are in sync. */
export function mirrorSetsWith(...mirrors: readonly MirrorState[]) {
  return [mirrorSetOf('m0', 2, mirrors), mirrorSetOf('m1', 2, ['in-sync', 'in-sync'])];
}

/** The partitions under epochs that are higher by so much. */
export function partitionsLater(by: number) {
  return loadOf().partitions.map((record) => ({ ...record, epoch: record.epoch + by }));
}

export class ResyncingWorld extends SwitchWorld {
  /** Loads the volume, and lets the mirrors in sync settle; the resync has begun. */
  settle(changes: Record<string, unknown> = {}): this {
    const mirrorSets = mirrorSetsWith('in-sync', 'resyncing');
    const answer = this.command('load', loadOf({ mirrorSets, ...changes }));
    if (!answer.ok) throw new Error(answer.message);
    return this;
  }

  /** Lets time pass with disks that answer. */
  run(durationMs = 1000): this {
    for (let at = 0; at < durationMs; at += 5) {
      this.runDisks();
      this.clock.runFor(5);
    }
    this.runDisks();
    return this;
  }

  resync(generation = 10): ResyncReport {
    const told = this.control.sent;
    const answer = this.settled(generation);
    this.control.sent = told;
    if (!answer.ok) throw new Error(answer.message);
    return answer.resync as ResyncReport;
  }

  /** What a disk was asked, of one operation. */
  asked(disk: string, operation: Operation): readonly Request[] {
    return this.disk(disk).requests.filter((request) => request.operation === operation);
  }

  troubles(): readonly TroubleReport[] {
    const sent = this.control.sent.filter(({ subject }) => subject.endsWith('.trouble'));
    return sent.map(({ data }) => troubleReportSchema.parse(decodeJson(data)));
  }

  /** What it told everybody of something. */
  toldOf(what: string): readonly object[] {
    const told = this.control.sent.filter(({ subject }) => subject.endsWith(`.${what}`));
    return told.map(({ data }) => decodeJson(data) as object);
  }
}

/** The tag of blocks from before. */
export const old = { epoch: 4, writeNumber: 3 };

/** d1 holds so many blocks that d2 lacks, each in another strip of the volume. */
export function lacking(count: number, changes = {}): ResyncingWorld {
  const world = new ResyncingWorld(changes);
  for (let at = 0; at < count; at++) world.disk('d1').put(firstBlock + at * 16, block(at + 1), old);
  return world;
}

/** Both mirrors hold these blocks, with the same tags. */
export function expectEqual(world: ResyncingWorld, blocks: readonly number[]): void {
  const [d1, d2] = [world.disk('d1'), world.disk('d2')];
  for (const at of blocks) {
    expect(d2.bytesOf(firstBlock + at), `block ${at}`).to.deep.equal(d1.bytesOf(firstBlock + at));
    expect(d2.tagOf(firstBlock + at)).to.deep.equal(d1.tagOf(firstBlock + at));
  }
}

/** The extent of the volume on a disk. */
export function extentOn(disk: string) {
  const range = { start: mebibyte, lengthBytes: 2 * mebibyte };
  return { kind: 'extent', extent: `${disk}-e`, disk, ...range, generation: 5 };
}
