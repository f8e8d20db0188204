/**
 * What is left of volumes on disks and switches that were away when these were deleted, or when a namesake was made
 * elsewhere: whoever comes back and still knows such a volume is told that it is gone, until it has confirmed. What a
 * disk knows in a generation that the config database never reached is left alone: an operator must look.
 */
import { z } from 'zod';
import { verbs } from '../../protocols/commands.ts';
import type { DiskId, SwitchId, VolumeId } from '../../protocols/ids.ts';
import { count, id } from '../../protocols/schema.ts';
import type { Generation } from '../../protocols/units.ts';
import { CommandRound, type RoundTask } from '../command-round.ts';
import { forgetTask, type GoneVolume, knownDisk, unloadTask } from './forget-orders.ts';
import type { VolumeEnvironment } from './volume-environment.ts';

/** What the config database says of a volume that somebody knows. */
export interface VolumeWhereabouts extends GoneVolume {
  /** The disks that it lies on now; none once it has ended. */
  readonly disks: readonly DiskId[];
  readonly isEnded: boolean;
}

const knownVolumesSchema = z.looseObject({
  volumes: z
    .array(z.looseObject({ volume: id<VolumeId>(), generation: count<Generation>() }))
    .max(4096),
});

export class Leftovers {
  readonly #environment: VolumeEnvironment;
  /** Undefined: nothing is known of the volume, or not yet; then it is not for this virtualizer to end. */
  readonly #whereaboutsOf: (volume: VolumeId) => VolumeWhereabouts | undefined;
  readonly #rounds = new Map<string, CommandRound>();

  constructor(
    environment: VolumeEnvironment,
    whereaboutsOf: (volume: VolumeId) => VolumeWhereabouts | undefined,
  ) {
    this.#environment = environment;
    this.#whereaboutsOf = whereaboutsOf;
  }

  /** Looks at what everybody who is there says that it knows. */
  look(): void {
    const { input } = this.#environment;
    for (const disk of input.disks) this.#lookAtDisk(disk);
    for (const one of input.virtualizingSwitches) this.#lookAtSwitch(one);
  }

  stop(): void {
    for (const round of this.#rounds.values()) round.cancel();
    this.#rounds.clear();
  }

  #lookAtDisk(id: DiskId): void {
    const { presence, clusterIdentity, controlEpoch } = this.#environment;
    const disk = knownDisk(id, presence, clusterIdentity);
    for (const { volume, generation } of disk?.facts.volumes ?? []) {
      const known = this.#whereaboutsOf(volume);
      if (disk === null || known === undefined || generation >= known.generation) continue;
      if (!known.disks.includes(id))
        this.#order(verbs.forget, forgetTask(known, disk, controlEpoch), `${disk.instance}`);
    }
  }

  #lookAtSwitch(id: SwitchId): void {
    const description = this.#environment.presence.find({ kind: 'switch', id })?.description;
    const facts = knownVolumesSchema.safeParse(description?.facts).data;
    for (const { volume, generation } of facts?.volumes ?? []) {
      const known = this.#whereaboutsOf(volume);
      if (known?.isEnded === true && generation < known.generation)
        this.#order(verbs.unload, unloadTask(known, id), `${description?.incarnation}`);
    }
  }

  /** One order for each process and volume at a time. */
  #order(verb: string, task: RoundTask, process: string): void {
    const { actor, clock, log, askDescription } = this.#environment;
    const { receiver, body } = task;
    const { volume } = body as GoneVolume;
    const key = `${receiver.kind} ${receiver.id} ${process} ${volume}`;
    if (this.#rounds.has(key)) return;
    const over = () => {
      this.#rounds.delete(key);
      askDescription(receiver);
    };
    log.info({ volume, receiver: receiver.id }, 'tells of a volume that is gone');
    const refused = (reason: string) => {
      log.warn({ volume, reason }, 'what is left of a volume stays for now');
      this.#rounds.delete(key);
    };
    const round = new CommandRound({ actor, clock, verb, tasks: [task], finished: over, refused });
    this.#rounds.set(key, round);
    round.start();
  }
}
