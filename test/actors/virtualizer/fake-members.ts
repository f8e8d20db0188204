/** Disks, switches and hosts as the virtualizer sees them: they answer commands as their makers promised. */
import { Actor, type ActorPorts } from '../../../actors/actor.ts';
import { decodeJson } from '../../../actors/json.ts';
import { type Answer, refusal, settledQuerySchema, verbs } from '../../../protocols/commands.ts';
import {
  type AttachMode,
  type ControlData,
  controlDataSchema,
  type DiskAssembly,
  type DiskForget,
  diskAssemblySchema,
  diskForgetSchema,
  type SwitchLoad,
  switchLoadSchema,
  switchUnloadSchema,
} from '../../../protocols/control-data.ts';
import type { ActorKind, HostId, VolumeId } from '../../../protocols/ids.ts';
import type { Timer } from '../../../protocols/ports.ts';
import { type ScrubQuery, scrubQuerySchema } from '../../../protocols/scrub.ts';
import type { AttachEpoch, Incarnation } from '../../../protocols/units.ts';

export interface FakeMember {
  readonly actor: Actor;
  stop(): void;
}

interface FakeParts extends ActorPorts {
  readonly happened: (what: string) => void;
}

function actorOf(
  kind: ActorKind,
  id: string,
  incarnation: number,
  parts: FakeParts,
  describe: () => { state: string; facts: Record<string, unknown> },
): Actor {
  return new Actor({ kind, id }, incarnation as Incarnation, parts, describe);
}

/** What survives the end of a disk's process. */
export interface DiskMedium {
  identity: string;
  clusterIdentity: string;
  instance: number;
  readonly assemblies: Map<string, DiskAssembly>;
  /** By volume, the highest epoch that was ever confirmed. */
  readonly highestEpochs: Map<string, number>;
  /** Generations of extents that were given up. */
  readonly retired: Set<number>;
}

const homeBytes = 500 * 1024 * 1024;

export class FakeDisk implements FakeMember {
  readonly actor: Actor;
  readonly medium: DiskMedium;
  /** In this process, by volume. */
  readonly confirmed = new Map<string, DiskAssembly>();
  readonly #parts: FakeParts;

  constructor(id: string, medium: DiskMedium, parts: FakeParts) {
    this.medium = medium;
    this.#parts = parts;
    medium.instance++;
    this.actor = actorOf('disk', id, medium.instance, parts, () => ({
      state: this.confirmed.size === 0 ? 'unassembled' : 'serving',
      facts: this.#facts(),
    }));
    this.actor.onCommand(verbs.assemble, (body, answer) => {
      const problem = this.#assemble(diskAssemblySchema.parse(body));
      answer(problem === '' ? { ok: true } : refusal('refused', problem));
    });
    this.actor.onCommand(verbs.forget, (body, answer) => {
      const problem = this.#forget(diskForgetSchema.parse(body));
      answer(problem === '' ? { ok: true } : refusal('refused', problem));
    });
    this.actor.start();
  }

  stop(): void {
    this.actor.stop();
  }

  #forget({ volume, disk, generation }: DiskForget): string {
    const { identity, instance, assemblies, retired } = this.medium;
    const { id } = this.actor.address;
    if (disk.identity !== identity || disk.instance !== instance) return 'another is meant';
    const last = assemblies.get(volume);
    if (last !== undefined && generation <= last.generation) return 'it is older';
    for (const extent of last?.extents ?? []) retired.add(extent.generation);
    assemblies.delete(volume);
    this.confirmed.delete(volume);
    this.#parts.happened(`forget ${id} ${volume} g${generation}`);
    return '';
  }

  /** What a real disk refuses, too: extents that it gave up, or that are another volume's. */
  #badExtent({ volume, extents }: DiskAssembly): string {
    const { assemblies, retired } = this.medium;
    const isKnown = (generation: number) =>
      assemblies.get(volume)?.extents.some((extent) => extent.generation === generation);
    for (const { extent, start, lengthBytes, generation } of extents) {
      if (!isKnown(generation) && retired.has(generation)) return `it gave up ${extent}`;
      for (const other of assemblies.values())
        for (const taken of other.volume === volume ? [] : other.extents)
          if (start < taken.start + taken.lengthBytes && taken.start < start + lengthBytes)
            return `${extent} overlaps ${taken.extent}`;
    }
    return '';
  }

  #assemble(assembly: DiskAssembly): string {
    const { identity, instance, clusterIdentity } = this.medium;
    const { id } = this.actor.address;
    if (assembly.disk.identity !== identity) return `its identity is ${identity}`;
    if (assembly.disk.instance !== instance) return `its instance is ${instance}`;
    if (clusterIdentity !== '' && clusterIdentity !== assembly.clusterIdentity)
      return `it belongs to cluster ${clusterIdentity}`;
    const last = this.medium.assemblies.get(assembly.volume);
    if (last !== undefined && assembly.generation < last.generation) return 'it is older';
    if (last !== undefined && epochsWentBack(last, assembly))
      throw new Error(`epochs of ${assembly.volume} went back at disk ${id}`);
    const badExtent = this.#badExtent(assembly);
    if (badExtent !== '') return badExtent;
    const kept = assembly.extents.map(({ generation }) => generation);
    for (const { generation } of last?.extents ?? [])
      if (!kept.includes(generation)) this.medium.retired.add(generation);
    const highest = Math.max(this.#highestEpoch(assembly.volume), highestEpoch(assembly));
    this.medium.highestEpochs.set(assembly.volume, highest);
    this.medium.clusterIdentity = assembly.clusterIdentity;
    this.medium.assemblies.set(assembly.volume, assembly);
    this.confirmed.set(assembly.volume, assembly);
    this.#parts.happened(`assemble ${id} ${assembly.volume} g${assembly.generation}`);
    return '';
  }

  #highestEpoch(volume: string): number {
    return this.medium.highestEpochs.get(volume) ?? 0;
  }

  #facts(): Record<string, unknown> {
    const { identity, instance, clusterIdentity, assemblies, retired } = this.medium;
    const starts = Array.from({ length: instance }, (_, before) => before + 1);
    const owned = [...assemblies.values()].flatMap(({ extents }) => extents);
    const highestExtentGeneration = Math.max(
      0,
      ...retired,
      ...owned.map(({ generation }) => generation),
    );
    const volumes = [...assemblies.values()].map((assembly) => ({
      volume: assembly.volume,
      generation: assembly.generation,
      controlEpoch: assembly.controlEpoch,
      highestEpoch: this.#highestEpoch(assembly.volume),
      mirrorSets: assembly.mirrorSets,
    }));
    return { identity, clusterIdentity, starts, homeBytes, volumes, highestExtentGeneration };
  }
}

function epochsWentBack(last: DiskAssembly, next: DiskAssembly): boolean {
  return (
    next.controlEpoch < last.controlEpoch ||
    next.partitions.some(({ epoch }, index) => epoch < (last.partitions[index]?.epoch ?? 0)) ||
    next.attachments.some(({ host, attachEpoch }) =>
      last.attachments.some((held) => held.host === host && attachEpoch < held.attachEpoch),
    )
  );
}

function highestEpoch({ partitions, attachments }: DiskAssembly): number {
  const attachEpochs = attachments.map(({ attachEpoch }) => attachEpoch);
  return Math.max(0, ...partitions.map(({ epoch }) => epoch), ...attachEpochs);
}

export class FakeSwitch implements FakeMember {
  readonly actor: Actor;
  readonly loads = new Map<string, SwitchLoad>();
  /** How often `settled` is still answered with no. */
  unsettledAnswers = 0;
  problem = '';
  /** Hosts that it says to have asked in vain, in its next answer to `settled`. */
  silentHosts: readonly string[] = [];
  /** What it still has to copy to mirrors that are resyncing. */
  resyncBytes = 0;
  /** Ends what is open when it is asked to yield; else it never does. */
  yields = true;
  /** Ranges that it was asked to scrub, and what it answers; null: nothing. */
  readonly scrubbed: ScrubQuery[] = [];
  scrub: (query: ScrubQuery) => Answer | null = ({ lengthBytes }) => ({
    ...{
      ok: true,
      verifiedBytes: 2 * lengthBytes,
      skippedBytes: 0,
      repairedBlocks: 0,
      keptBlocks: 0,
    },
    ...{ keptAt: -1, keptReason: '' },
  });

  constructor(id: string, incarnation: number, parts: FakeParts) {
    this.actor = actorOf('switch', id, incarnation, parts, () => ({
      state: 'ready',
      facts: {
        volumes: [...this.loads.values()].map(({ volume, generation }) => ({ volume, generation })),
      },
    }));
    this.actor.onCommand(verbs.load, (body, answer) => {
      const load = switchLoadSchema.parse(body);
      if (load.switchIncarnation !== incarnation)
        return answer(refusal('refused', `its incarnation is ${incarnation}`));
      this.loads.set(load.volume, load);
      parts.happened(`load ${id} ${load.volume} g${load.generation}`);
      answer({ ok: true });
    });
    this.actor.onCommand(verbs.yield, (body, answer) => {
      const { volume, generation } = settledQuerySchema.parse(body);
      parts.happened(`yield ${id} ${volume} g${generation}`);
      if (this.yields) answer({ ok: true });
    });
    this.actor.onCommand(verbs.scrub, (body, answer) => {
      const query = scrubQuerySchema.parse(body);
      this.scrubbed.push(query);
      const result = this.scrub(query);
      if (result !== null) answer(result);
    });
    this.actor.onCommand(verbs.unload, (body, answer) => {
      const { volume, generation } = switchUnloadSchema.parse(body);
      if ((this.loads.get(volume)?.generation ?? 0) > generation)
        return answer(refusal('fenced', 'it is older'));
      this.loads.delete(volume);
      parts.happened(`unload ${id} ${volume} g${generation}`);
      answer({ ok: true });
    });
    this.actor.onCommand(verbs.settled, (body, answer) => {
      const { volume, generation } = body as { volume: string; generation: number };
      if (this.loads.get(volume)?.generation !== generation)
        return answer(refusal('not-ready', 'it is not loaded'));
      const settled = this.unsettledAnswers <= 0;
      if (!settled) this.unsettledAnswers--;
      else parts.happened(`settled ${id} ${volume} g${generation}`);
      const silentHosts = this.silentHosts;
      this.silentHosts = [];
      answer({
        ok: true,
        settled: settled && this.problem === '',
        problem: this.problem,
        remainingBytes: settled ? 0 : 4096,
        silentHosts,
        resync: {
          totalBytes: 8192,
          remainingBytes: this.resyncBytes,
          copiedBlocks: 0,
          isDone: this.resyncBytes === 0,
          problem: '',
        },
      });
    });
    this.actor.start();
  }

  stop(): void {
    this.actor.stop();
  }
}

export class FakeHost implements FakeMember {
  readonly actor: Actor;
  /** What it holds, by volume. */
  readonly held = new Map<string, ControlData>();
  /** How its requests to be attached were answered last. */
  answer = '';
  lostEpoch = 0;
  readonly #parts: FakeParts;
  readonly #incarnation: number;
  #timer: Timer | null = null;

  constructor(id: string, incarnation: number, parts: FakeParts) {
    this.#parts = parts;
    this.#incarnation = incarnation;
    this.actor = actorOf('host', id, incarnation, parts, () => ({
      state: 'ready',
      facts: {
        volumes: [...this.held].map(([volume, data]) => ({ volume, generation: data.generation })),
      },
    }));
    parts.control.subscribe(this.actor.subjects.controlData('*' as VolumeId, id as HostId), {
      message: (data) => this.#take(controlDataSchema.parse(decodeJson(data))),
    });
    this.actor.start();
  }

  /** Asks to be attached, again and again until it holds control data with its incarnation. */
  attach(volume: string, mode: AttachMode = 'exclusive', life?: number): void {
    const request = this.attachRequest(volume, mode, life);
    const virtualizer = { kind: 'virtualizer', id: 'v1' } as const;
    this.actor.ask(virtualizer, verbs.attach, request, 300, (answer) => {
      this.answer = answer.ok ? String(answer.outcome) : `${answer.reason}: ${answer.message}`;
    });
    this.#timer = this.#parts.clock.setTimeout(() => {
      if (!this.isAttached(volume)) this.attach(volume, mode, life);
    }, 400);
  }

  /** What it asks with. */
  attachRequest(volume: string, mode: AttachMode = 'exclusive', life?: number): object {
    return {
      host: this.actor.address.id,
      hostIncarnation: this.#incarnation,
      volume,
      ...(life === undefined ? {} : { life }),
      mode,
      readOnly: false,
      ...(this.lostEpoch > 0 ? { lostEpoch: this.lostEpoch as AttachEpoch } : {}),
    };
  }

  /** Lets a volume go, having drained. */
  detach(volume: string): void {
    if (this.#timer !== null) this.#parts.clock.clearTimeout(this.#timer);
    const request = this.attachRequest(volume);
    this.actor.ask({ kind: 'virtualizer', id: 'v1' }, verbs.detach, request, 300, () => {});
    this.held.delete(volume);
  }

  isAttached(volume: string): boolean {
    return this.held.get(volume)?.state === 'serving' && this.attachEpoch(volume) > this.lostEpoch;
  }

  attachEpoch(volume: string): number {
    const own = this.held
      .get(volume)
      ?.attachments.find(
        ({ host, hostIncarnation }) =>
          host === this.actor.address.id && hostIncarnation === this.#incarnation,
      );
    return own?.attachEpoch ?? 0;
  }

  stop(): void {
    if (this.#timer !== null) this.#parts.clock.clearTimeout(this.#timer);
    this.actor.stop();
  }

  #take(data: ControlData): void {
    const last = this.held.get(data.volume);
    if (last !== undefined && data.generation < last.generation) return;
    this.held.set(data.volume, data);
    const { id } = this.actor.address;
    this.#parts.happened(`control ${id} ${data.volume} g${data.generation} ${data.state}`);
  }
}
