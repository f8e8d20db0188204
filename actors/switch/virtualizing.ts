/** The volumes on a switch: loading and unloading them on command, and requests that are addressed to one. */
import { z } from 'zod';
import { Operation, Status } from '../../protocols/codes.ts';
import {
  type Answer,
  invalidationSchema,
  refusal,
  settledQuerySchema,
  verbs,
} from '../../protocols/commands.ts';
import {
  type SwitchLoad,
  switchLoadSchema,
  switchUnloadSchema,
} from '../../protocols/control-data.ts';
import { cachedQuerySchema } from '../../protocols/explanation.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import { type Outcome, success } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { DiskId, VolumeId } from '../../protocols/ids.ts';
import { scrubQuerySchema } from '../../protocols/scrub.ts';
import type { Actor } from '../actor.ts';
import type { CoordinatorParts, PartitionSteering, SpanningRules } from './coordinator-parts.ts';
import { LayoutMemory } from './layout-memory.ts';
import { copiesOf, readLoad } from './loaded-volume.ts';
import { Refusals } from './refusals.ts';
import { SwitchVolume } from './switch-volume.ts';

export interface SwitchLimits {
  /** Memory for layouts of volumes. */
  readonly layoutMemoryBytes: number;
  /** The most copies of a byte that it writes as a coordinator. */
  readonly mirrorsMax: number;
  /** Whether it carries out, part after part, what a host did not split; else it refuses that. */
  readonly serializesSpans: boolean;
  /** Whether its special error codes name alternates; else hosts ask the virtualizer. */
  readonly namesAlternates: boolean;
  /** Memory for its read cache; 0: it has none. */
  readonly cacheBytes: number;
}

export interface VirtualizingEvents {
  /** How many volumes are loaded has changed. */
  volumesChanged(loadedVolumes: number): void;
  /** The settling of a volume ended, well or not. */
  settled(volume: SwitchVolume): void;
}

/** What the volumes of a switch have in common. */
type VirtualizingParts = Omit<
  CoordinatorParts,
  'steering' | 'spanning' | 'namesAlternates' | 'refusals' | 'failedDisks'
>;

export class Virtualizing {
  readonly memory: LayoutMemory;
  readonly spanning: SpanningRules;
  readonly #limits: SwitchLimits;
  readonly #parts: VirtualizingParts;
  readonly #steeringOf: (volume: VolumeId) => PartitionSteering;
  readonly #events: VirtualizingEvents;
  readonly #volumes = new Map<VolumeId, SwitchVolume>();
  /** The highest seen: who decides under a lower one has been replaced. */
  #controlEpoch = 0;

  constructor(
    limits: SwitchLimits,
    parts: VirtualizingParts,
    steeringOf: (volume: VolumeId) => PartitionSteering,
    events: VirtualizingEvents,
  ) {
    this.memory = new LayoutMemory(limits.layoutMemoryBytes);
    this.spanning = { serializes: limits.serializesSpans, counters: { serializedSpans: 0 } };
    this.#limits = limits;
    this.#parts = parts;
    this.#steeringOf = steeringOf;
    this.#events = events;
  }

  get volumes(): Iterable<SwitchVolume> {
    return this.#volumes.values();
  }

  get(volume: VolumeId): SwitchVolume | undefined {
    return this.#volumes.get(volume);
  }

  /** Registers the handlers of its commands; before the actor starts. */
  register(actor: Pick<Actor, 'onCommand'>): void {
    for (const verb of ['load', 'unload', 'settled', 'cached', 'invalidate'] as const)
      actor.onCommand(verbs[verb], (body, answer) => answer(this[verb](body)));
    for (const verb of ['yield', 'scrub'] as const)
      actor.onCommand(verbs[verb], (body, answer) => this[verb](body, answer));
  }

  /** Carries out a volume-addressed request. */
  request(request: Request, data: FrameData): void {
    const { answers, forwarding } = this.#parts;
    if (request.operation === Operation.probe) {
      if (request.route.length > 0) forwarding.forward(request, data, request.route);
      else answers.end(request, success);
      return;
    }
    const volume = this.#volumes.get(request.volume);
    if (volume === undefined) {
      const detail = { volume: request.volume };
      answers.end(request, { status: Status.notLoaded, detail });
    } else volume.request(request, data);
  }

  /** What a host is told of a read that its disk could not carry out; `failed` is what the disk says. */
  mirrorOutcome(request: Request, failed: Outcome): Outcome {
    return this.#volumes.get(request.volume)?.mirrorOutcome(request, failed) ?? failed;
  }

  /** The command `load`. */
  load(body: unknown): Answer {
    const parsed = switchLoadSchema.safeParse(body);
    if (!parsed.success) return refusal('invalid', z.prettifyError(parsed.error));
    const load = parsed.data;
    const { self, incarnation } = this.#parts;
    if (load.switchIncarnation !== incarnation)
      return refusal('refused', `switch ${self} restarted: its incarnation is ${incarnation} now`);
    const loaded = this.#volumes.get(load.volume)?.volume.load;
    if (load.controlEpoch < this.#controlEpoch)
      return refusal('fenced', `control epoch ${this.#controlEpoch} has begun`);
    if (loaded !== undefined && load.generation < loaded.generation)
      return refusal('fenced', `generation ${loaded.generation} of ${load.volume} is loaded`);
    if (loaded?.generation === load.generation) return { ok: true, generation: load.generation };
    return this.#take(load);
  }

  /** The command `unload`. */
  unload(body: unknown): Answer {
    const parsed = switchUnloadSchema.safeParse(body);
    if (!parsed.success) return refusal('invalid', z.prettifyError(parsed.error));
    const { volume, generation } = parsed.data;
    const loaded = this.#volumes.get(volume)?.volume.load.generation ?? 0;
    if (loaded > generation)
      return refusal('fenced', `generation ${loaded} of ${volume} is loaded`);
    this.#volumes.get(volume)?.unload();
    this.#volumes.delete(volume);
    this.memory.remove(volume);
    this.#events.volumesChanged(this.#volumes.size);
    return { ok: true };
  }

  /** The command `settled`. */
  settled(body: unknown): Answer {
    const parsed = settledQuerySchema.safeParse(body);
    if (!parsed.success) return refusal('invalid', z.prettifyError(parsed.error));
    const { volume: id, generation } = parsed.data;
    const volume = this.#volumes.get(id);
    const loaded = volume?.volume.load.generation ?? 0;
    if (volume === undefined || loaded !== generation)
      return refusal('not-ready', `generation ${generation} of ${id} is not loaded, but ${loaded}`);
    return { ok: true, ...volume.settlingReport() };
  }

  /** The command `yield`. Where what it owns changes before it has drained, the answer does not come: nobody waits. */
  yield(body: unknown, answer: (answer: Answer) => void): void {
    const parsed = settledQuerySchema.safeParse(body);
    if (!parsed.success) {
      answer(refusal('invalid', z.prettifyError(parsed.error)));
      return;
    }
    const { volume: id, generation } = parsed.data;
    const volume = this.#volumes.get(id);
    const loaded = volume?.volume.load.generation ?? 0;
    if (volume === undefined || loaded !== generation)
      answer(refusal('fenced', `generation ${loaded} of ${id} is loaded, not ${generation}`));
    else volume.yield(() => answer({ ok: true }));
  }

  /** The command `scrub`. */
  scrub(body: unknown, answer: (answer: Answer) => void): void {
    const parsed = scrubQuerySchema.safeParse(body);
    if (!parsed.success) {
      answer(refusal('invalid', z.prettifyError(parsed.error)));
      return;
    }
    const { volume: id } = parsed.data;
    const volume = this.#volumes.get(id);
    if (volume !== undefined) volume.scrubs.begin(parsed.data, answer);
    else answer(refusal('not-ready', `volume ${id} is not loaded`));
  }

  /** The command `invalidate`. What is not loaded has nothing in the cache. */
  invalidate(body: unknown): Answer {
    const parsed = invalidationSchema.safeParse(body);
    if (!parsed.success) return refusal('invalid', z.prettifyError(parsed.error));
    const { volume, attachEpoch, firstIo } = parsed.data;
    const { cachedReads } = this.#parts;
    if (cachedReads === null || !this.#volumes.has(volume)) return { ok: true, blocks: 0 };
    return { ok: true, blocks: cachedReads.invalidate(volume, { attachEpoch, firstIo }) };
  }

  /** The command `cached`. */
  cached(body: unknown): Answer {
    const parsed = cachedQuerySchema.safeParse(body);
    if (!parsed.success) return refusal('invalid', z.prettifyError(parsed.error));
    return { ok: true, kept: this.#parts.cachedReads?.keeps(parsed.data) ?? 'no' };
  }

  /** Forgets everything. */
  stop(): void {
    for (const volume of this.#volumes.values()) volume.unload();
    this.#volumes.clear();
  }

  #take(load: SwitchLoad): Answer {
    const { self } = this.#parts;
    const { mirrorsMax } = this.#limits;
    const read = readLoad(load);
    if (!read.ok) return refusal('invalid', read.problem);
    const tooMany = copiesOf(read.volume) > mirrorsMax;
    if (tooMany && load.partitions.some(({ coordinator }) => coordinator === self))
      return refusal('refused', `switch ${self} coordinates at most ${mirrorsMax} mirrors`);
    const problem = this.memory.whyNot(load);
    if (problem !== '') return refusal('refused', `switch ${self}: ${problem}`);
    this.#controlEpoch = load.controlEpoch;
    this.memory.put(read.volume);
    const known = this.#volumes.get(load.volume);
    if (known === undefined) {
      const steering = this.#steeringOf(load.volume);
      const { namesAlternates } = this.#limits;
      const refusals = new Refusals(this.#parts.answers, load);
      const failedDisks = new Set<DiskId>();
      const perVolume = { steering, refusals, failedDisks };
      const parts = { ...this.#parts, ...perVolume, spanning: this.spanning, namesAlternates };
      const volume: SwitchVolume = new SwitchVolume(parts, read.volume, () =>
        this.#events.settled(volume),
      );
      this.#volumes.set(load.volume, volume);
      volume.start();
      this.#events.volumesChanged(this.#volumes.size);
    } else known.load(read.volume);
    return { ok: true, generation: load.generation };
  }
}
