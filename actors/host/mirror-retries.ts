/**
 * Runs a mirror-retry machine for each part of a read that met a bad mirror, and carries out what it says: reads from
 * other mirrors, questions to the virtualizer, repairs. Parts that meet no trouble do not come here.
 */
import type { Actor as MachineActor } from 'xstate';
import { Operation, Status } from '../../protocols/codes.ts';
import type { AlternatesAnswer } from '../../protocols/commands.ts';
import { eventNames, type MirrorRetryFields } from '../../protocols/events.ts';
import type { DiskId } from '../../protocols/ids.ts';
import type { Clock, Log } from '../../protocols/ports.ts';
import {
  blockBytes,
  roundDown,
  roundUp,
  unitOf,
  type VolumeOffset,
} from '../../protocols/units.ts';
import type { Actor } from '../actor.ts';
import { runMachine } from '../running-machine.ts';
import type { DriverCounters } from './driver-counters.ts';
import { type MirrorRetryEvent, mirrorRetryMachine } from './mirror-retry-machine.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import { type PartRecovery, type Slot, SlotState } from './slots.ts';
import { readableFrom } from './ways-left.ts';

export interface MirrorRetryParts {
  readonly actor: Actor;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: DriverCounters;
  /** Sends a slot's request once more; false when it cannot be sent as it is. */
  readonly reissue: (slot: Slot) => boolean;
  readonly endPart: (slot: Slot, status: Status) => void;
}

/** Repairs of a host under way at a time; a block that is passed over is asked for by its next reader. */
const openRepairsMax = 16;

export class MirrorRetries {
  readonly #parts: MirrorRetryParts;
  readonly #running = new Set<MirrorRetry>();
  /** By range: who waits for it. What says only where data is has read no block, and needs none. */
  readonly #repairs = new Map<string, ((isGood: boolean) => void)[]>();

  constructor(parts: MirrorRetryParts) {
    this.#parts = parts;
  }

  /** Their machines, to look at them. */
  get machines(): readonly MachineActor<typeof mirrorRetryMachine>[] {
    return [...this.#running].map(({ machine }) => machine);
  }

  /** The mirror that a slot was sent to cannot be read there. The slot waits for what the machine says. */
  failed(slot: Slot, disk: DiskId, alternates: readonly DiskId[]): void {
    const { driver } = slot;
    if (driver === null) return;
    slot.state = SlotState.recovering;
    const known = slot.recovery;
    const retry = known instanceof MirrorRetry ? known : this.#begin(slot, driver);
    retry.send({ type: 'mirror.failed', disk, alternates: readableFrom(slot, alternates) });
  }

  stop(): void {
    for (const retry of this.#running) retry.machine.stop();
    this.#running.clear();
  }

  #begin(slot: Slot, driver: OptimizationDriver): MirrorRetry {
    const { actor, clock, log } = this.#parts;
    const { operation, offset, lengthBytes } = slot.request;
    const range = { volume: driver.name, offset, lengthBytes };
    const repaired = (isGood: boolean) => retry.send({ type: 'repair.ended', isGood });
    const machine = runMachine({
      machine: mirrorRetryMachine.provide({
        actions: {
          readMirror: (_, { disks }) => {
            const [first = '' as DiskId] = disks;
            const readable = readableFrom(slot, disks);
            // Since they were named, all of them have stopped being in sync: one by one they count as failed.
            if (readable.length === 0)
              retry.send({ type: 'mirror.failed', disk: first, alternates: [] });
            else this.#read(slot, readable);
          },
          queryAlternates: (_, { failed }) =>
            driver.queryAlternates(
              { ...range, disk: failed.at(-1) ?? ('' as DiskId) },
              (answer) => {
                // The part may have ended meanwhile, and its slot be another's.
                if (slot.recovery !== retry) return;
                retry.send(answeredBy(answer, readableFrom(slot, answer.alternates)));
              },
            ),
          askRepair: (_, { failed }) => {
            this.#tell({ ...range, failed, readFrom: retry.readFrom });
            const isWorthIt = operation === Operation.read && this.#repairs.size < openRepairsMax;
            if (isWorthIt) this.#repair(driver, range, repaired);
            else repaired(false);
          },
          askMending: () => {
            if (operation === Operation.read) this.#repair(driver, range, repaired);
            else repaired(false);
          },
          endPart: (_, { failed }) => {
            this.#tell({ ...range, failed, readFrom: '' });
            this.#parts.endPart(slot, Status.media);
          },
        },
      }),
      name: `mirror-retry:${driver.name}/${offset}`,
      input: undefined,
      actor,
      clock,
      log,
      onFailure: () => {
        if (slot.recovery === retry) this.#parts.endPart(slot, Status.media);
      },
    });
    const retry: MirrorRetry = new MirrorRetry(machine);
    slot.recovery = retry;
    this.#running.add(retry);
    machine.subscribe((snapshot) => {
      if (!snapshot.hasTag('over')) return;
      this.#running.delete(retry);
      machine.stop();
    });
    return retry;
  }

  #read(slot: Slot, disks: readonly DiskId[]): void {
    this.#parts.counters.mirrorRetries++;
    slot.mirrors = disks;
    if (!this.#parts.reissue(slot)) this.#parts.endPart(slot, Status.path);
  }

  #tell(fields: MirrorRetryFields): void {
    this.#parts.actor.tell(eventNames.mirrorRetry, fields);
  }

  /** Whole blocks, as far as the volume goes; not twice at a time. */
  #repair(
    driver: OptimizationDriver,
    { offset, lengthBytes }: { readonly offset: VolumeOffset; readonly lengthBytes: number },
    ended: (isGood: boolean) => void,
  ): void {
    const start = roundDown(offset, blockBytes);
    const end = Math.min(roundUp(offset + lengthBytes, blockBytes), driver.sizeBytes);
    const key = `${driver.name}/${start}+${end - start}`;
    const waiting = this.#repairs.get(key);
    if (waiting !== undefined) {
      waiting.push(ended);
      return;
    }
    this.#repairs.set(key, [ended]);
    driver.order(Operation.repair, unitOf<VolumeOffset>(start), end - start, (status) => {
      const told = this.#repairs.get(key) ?? [];
      this.#repairs.delete(key);
      for (const each of told) each(status === Status.ok);
    });
  }
}

/** One part that is being recovered. */
class MirrorRetry implements PartRecovery {
  readonly machine: MachineActor<typeof mirrorRetryMachine>;
  /** The disk that gave the bytes; '' when none did. */
  readFrom: DiskId | '' = '';

  constructor(machine: MachineActor<typeof mirrorRetryMachine>) {
    this.machine = machine;
  }

  partEnded(status: Status, disk: DiskId | ''): void {
    const isRead = status === Status.ok;
    if (isRead) this.readFrom = disk;
    this.send({ type: isRead ? 'mirror.read' : 'part.ended' });
  }

  /** What comes late, to a machine that has ended, is nobody's. */
  send(event: MirrorRetryEvent): void {
    if (this.machine.getSnapshot().status === 'active') this.machine.send(event);
  }
}

/** A mirror that is named and that this host may not read, by what it knows, is waited for like one that is away. */
function answeredBy(
  { alternates, away }: AlternatesAnswer,
  readable: readonly DiskId[],
): MirrorRetryEvent {
  const unreadable = alternates.filter((disk) => !readable.includes(disk));
  return { type: 'alternates.answered', disks: readable, away: [...away, ...unreadable] };
}
