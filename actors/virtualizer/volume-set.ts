/**
 * The volumes that an active virtualizer decides about, each in an assembly of its own, and what they share: the space
 * on the disks, and the extent generations. One set for each control epoch.
 */
import { type EndedVolume, isEnded, type VolumeRecord } from '../../protocols/control-data.ts';
import { eventNames, type MirrorRetryFields } from '../../protocols/events.ts';
import { diskFactsSchema, type HostFacts } from '../../protocols/facts.ts';
import type { ActorAddress, HostId, VolumeId } from '../../protocols/ids.ts';
import { extentsOf, type Layout } from '../../protocols/layout/layout.ts';
import type { Bus, Timer } from '../../protocols/ports.ts';
import { disksOf as disksOfForm } from '../../protocols/topology/layout-form.ts';
import type { Volume } from '../../protocols/topology.ts';
import { Leftovers, type VolumeWhereabouts } from './leftovers.ts';
import { surveyMembers } from './membership.ts';
import { disksOf } from './publications.ts';
import { RemovalProposals } from './removal-proposals.ts';
import { SwitchHealth } from './switch-health.ts';
import { isSlow, SwitchLoads } from './switch-loads.ts';
import { VolumeAssembly } from './volume-assembly.ts';
import { createVolume } from './volume-creation.ts';
import type { VolumeEnvironment } from './volume-environment.ts';
import { VolumeScrubs } from './volume-scrubs.ts';
import type { DescribedVolume } from './volume-status.ts';

export interface VolumeSetParts
  extends Omit<
    VolumeEnvironment,
    | 'volumeRead'
    | 'layoutsBeside'
    | 'switchHealth'
    | 'switchLoads'
    | 'issuedExtentGeneration'
    | 'ended'
  > {
  readonly control: Bus;
  /** Of volumes that take space and are nobody's. */
  readonly foreignLayouts: readonly Layout[];
  /** Volumes that were deleted before. */
  readonly endedBefore: readonly EndedVolume[];
  /** A volume is gone. */
  readonly volumeEnded: (volume: VolumeId) => void;
}

/** Whether there is room for a volume now. */
export type Trial =
  | { readonly outcome: 'fits' }
  /** `not-ready`: it cannot be told yet. */
  | { readonly outcome: 'refused' | 'not-ready'; readonly message: string };

export class VolumeSet {
  readonly #parts: VolumeSetParts;
  readonly #environment: VolumeEnvironment;
  readonly #volumes = new Map<VolumeId, VolumeAssembly>();
  readonly #wanted = new Map<VolumeId, Volume>();
  readonly #ended: Map<VolumeId, EndedVolume>;
  readonly #leftovers: Leftovers;
  readonly #proposals: RemovalProposals;
  readonly scrubs: VolumeScrubs;
  #steadyTimer: Timer | null = null;
  #isStopped = false;

  constructor(parts: VolumeSetParts) {
    this.#parts = parts;
    this.#ended = new Map(parts.endedBefore.map((ended) => [ended.volume, ended]));
    this.#environment = {
      ...parts,
      switchHealth: new SwitchHealth(parts.input.topology.policies.failover),
      switchLoads: new SwitchLoads(parts.input.topology.policies.imbalance),
      volumeRead: () => this.membersChanged(),
      layoutsBeside: (volume) => this.#layoutsBeside(volume),
      issuedExtentGeneration: () => this.#issuedExtentGeneration(),
      // Later, for it ends the machine that tells.
      ended: (ended) => parts.clock.soon(() => this.#drop(ended)),
    };
    this.#proposals = new RemovalProposals(parts.input.topology.policies);
    this.scrubs = new VolumeScrubs(this.#environment, (volume) => {
      const assembly = this.#volumes.get(volume);
      return assembly?.isServing === true ? this.#recordOf(volume) : null;
    });
    this.#leftovers = new Leftovers(this.#environment, (volume) => this.#whereaboutsOf(volume));
  }

  /** Adds volumes, and starts them once all are known: they must not overlook each other. */
  start(volumes: readonly Volume[]): void {
    const added = volumes.map((volume) => {
      const assembly = new VolumeAssembly(this.#environment, volume, this.#parts.control);
      this.#volumes.set(volume.id, assembly);
      this.scrubs.add(volume.id, this.#ended.has(volume.id));
      this.#wanted.set(volume.id, volume);
      return assembly;
    });
    for (const assembly of added) assembly.start();
  }

  stop(): void {
    this.#isStopped = true;
    for (const volume of this.#volumes.values()) volume.stop();
    this.#volumes.clear();
    this.scrubs.stop();
    this.#leftovers.stop();
    this.#stopWaiting();
  }

  get(volume: VolumeId): VolumeAssembly | undefined {
    return this.#volumes.get(volume);
  }

  statuses(): readonly DescribedVolume[] {
    return [...this.#volumes].map(([id, volume]) => {
      const record = this.#recordOf(id);
      const removalsProposed = record === null ? [] : this.#proposals.of(record);
      return { ...volume.status(), removalsProposed, scrub: this.scrubs.progressOf(id) };
    });
  }

  /** A disk or switch came, went, or changed. */
  membersChanged(): void {
    if (this.#isStopped) return;
    this.#noteHealth();
    for (const volume of this.#volumes.values()) volume.membersChanged();
    this.#leftovers.look();
  }

  hostSeen(host: HostId, facts: HostFacts): void {
    for (const volume of this.#volumes.values()) volume.hostSeen(host, facts);
  }

  settledTold(sender: ActorAddress): void {
    for (const volume of this.#volumes.values()) volume.settledTold(sender);
  }

  /** Hosts could not read mirrors: with too many errors in a time one is proposed for removal, while another is left. */
  mirrorsFailed({ volume, failed }: MirrorRetryFields): void {
    const { actor, clock } = this.#parts;
    const record = this.#recordOf(volume);
    if (record === null) return;
    for (const disk of failed.filter((each) => disksOf(record).includes(each)))
      for (const { isOpen, ...proposal } of this.#proposals.note(record, disk, clock.now())) {
        const what = `removal of a mirror ${isOpen ? 'proposed' : 'not proposed any more'}`;
        actor.tell(eventNames.decision, { volume, what, ...proposal });
      }
  }

  /** Whether a volume could be placed now, beside all others. Nothing is kept of the answer. */
  trial(volume: Volume): Trial {
    const { presence, clock, clusterIdentity } = this.#parts;
    const disks = [...new Set(disksOfForm(volume.layout).map(({ disk }) => disk))];
    const waiting = [...this.#wanted.values()].find(
      (other) =>
        this.#volumes.get(other.id)?.layout === null &&
        disksOfForm(other.layout).some(({ disk }) => disks.includes(disk)),
    );
    const beside = this.#layoutsBeside(volume.id);
    if (beside === null || waiting !== undefined) {
      const which = waiting === undefined ? 'another volume' : `volume ${waiting.id}`;
      return { outcome: 'not-ready', message: `${which} has no place yet on the same disks` };
    }
    const coordinators = [...new Set(volume.coordinators)];
    const survey = surveyMembers(
      {
        volume: volume.id,
        disks,
        neededBy: () => disks,
        failureOf: () => '',
        lackOf: (there) => (there.length === disks.length ? null : ''),
        candidates: coordinators,
        coordinators,
        reachOf: () => 'good',
        clusterIdentity,
        recorded: [],
      },
      presence,
      clock.now(),
    );
    if (survey.outcome !== 'complete') return { outcome: 'not-ready', message: survey.reason };
    const former = this.#ended.get(volume.id) ?? null;
    const parts = { ...this.#environment, former };
    const creation = createVolume(parts, volume, survey.members.disks, beside);
    return creation.ok ? { outcome: 'fits' } : { outcome: 'refused', message: creation.problem };
  }

  #noteHealth(): void {
    const { input, presence, clock } = this.#parts;
    for (const id of input.virtualizingSwitches) {
      const incarnation = presence.find({ kind: 'switch', id })?.description.incarnation ?? null;
      this.#environment.switchHealth.note(id, incarnation, clock.now());
      this.#environment.switchLoads.note(id, isSlow(this.#environment, id), clock.now());
    }
    this.#awaitSteady();
  }

  /** Volumes are looked at again when a switch may have back what it is meant to coordinate, or is to lose what it does. */
  #awaitSteady(): void {
    const { clock } = this.#parts;
    const { switchHealth, switchLoads } = this.#environment;
    const times = [switchHealth.nextSteadyAt(clock.now()), switchLoads.nextChangeAt(clock.now())];
    const at = Math.min(...times.map((time) => time ?? Number.POSITIVE_INFINITY));
    this.#stopWaiting();
    if (at === Number.POSITIVE_INFINITY) return;
    this.#steadyTimer = clock.setTimeout(() => {
      this.#awaitSteady();
      for (const volume of this.#volumes.values()) volume.review();
    }, at - clock.now());
  }

  #stopWaiting(): void {
    if (this.#steadyTimer !== null) this.#parts.clock.clearTimeout(this.#steadyTimer);
    this.#steadyTimer = null;
  }

  #drop(ended: EndedVolume): void {
    if (this.#isStopped) return;
    this.#volumes.get(ended.volume)?.stop();
    this.#volumes.delete(ended.volume);
    this.scrubs.remove(ended.volume);
    this.#wanted.delete(ended.volume);
    this.#proposals.forget(ended.volume);
    this.#ended.set(ended.volume, ended);
    this.#parts.volumeEnded(ended.volume);
    this.membersChanged();
  }

  /** The last decision about a volume; null before the first, and after the end. */
  #recordOf(volume: VolumeId): VolumeRecord | null {
    const known = this.#volumes.get(volume)?.known ?? null;
    return known === null || isEnded(known) ? null : known;
  }

  #layoutsBeside(asking: VolumeId): readonly Layout[] | null {
    const layouts = [...this.#parts.foreignLayouts];
    for (const [id, volume] of this.#volumes) {
      if (id === asking) continue;
      if (!volume.isRead) return null;
      if (volume.layout !== null) layouts.push(volume.layout);
    }
    return layouts;
  }

  /** What the config database knows, and what the disks do: it may have lost its last writes. */
  #issuedExtentGeneration(): number {
    const { input, presence, foreignLayouts } = this.#parts;
    const issued = [...this.#ended.values()].map(({ extentGeneration }) => extentGeneration);
    for (const { known, layout } of this.#volumes.values()) {
      if (known !== null && isEnded(known)) issued.push(known.extentGeneration);
      if (layout !== null) issued.push(...extentsOf(layout).map(({ generation }) => generation));
    }
    for (const layout of foreignLayouts)
      issued.push(...extentsOf(layout).map(({ generation }) => generation));
    for (const id of input.disks) {
      const description = presence.find({ kind: 'disk', id })?.description;
      const facts = diskFactsSchema.safeParse(description?.facts).data;
      if (facts !== undefined) issued.push(facts.highestExtentGeneration);
    }
    return issued.reduce((most, generation) => Math.max(most, generation), 0);
  }

  #whereaboutsOf(volume: VolumeId): VolumeWhereabouts | undefined {
    const assembly = this.#volumes.get(volume);
    const known = assembly === undefined ? this.#ended.get(volume) : assembly.known;
    if (known === undefined || known === null) return undefined;
    const { cluster, clusterIdentity, generation } = known;
    const disks = isEnded(known) ? [] : disksOf(known);
    return { cluster, clusterIdentity, volume, generation, disks, isEnded: isEnded(known) };
  }
}
