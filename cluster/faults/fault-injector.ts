/**
 * Faults in one process: wraps the ports of its actors as they are opened, and carries out on them what it is told.
 * What it is told when, and what is done to whole processes, is left to others.
 */
import type { FoundStore } from '../../actors/disk/disk.ts';
import { homeBytes, layoutOf } from '../../actors/disk/disk-layout.ts';
import {
  type Fault,
  type FaultTarget,
  faultKey,
  faultKindText,
  isSameTarget,
  partsOfTarget,
} from '../../protocols/faults.ts';
import type { ActorAddress, DiskId, LinkId } from '../../protocols/ids.ts';
import type { Bus, Cancel, Clock, Log, Random } from '../../protocols/ports.ts';
import type { Topology } from '../../protocols/topology.ts';
import { FaultyStore, type StoreFault } from '../stores/faults.ts';
import { type BusFault, FaultyBus } from './faulty-bus.ts';
import { partitionFaultsOf } from './partitions.ts';

export interface FaultInjectorParts {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface ActiveFault {
  readonly fault: Fault;
  /** One for each port that it is in. */
  readonly cancels: Cancel[];
}

interface StruckBus {
  readonly actor: ActorAddress;
  readonly bus: FaultyBus;
  /** Links, HBAs and slow switches are of the data path. */
  readonly carries: 'io' | 'commands';
}

export class FaultInjector {
  readonly #parts: FaultInjectorParts;
  readonly #buses: StruckBus[] = [];
  readonly #stores: { readonly disk: DiskId; readonly store: FaultyStore }[] = [];
  readonly #active = new Map<string, ActiveFault>();

  constructor(parts: FaultInjectorParts) {
    this.#parts = parts;
  }

  /** The faults that are in force, in the order in which they came. */
  get active(): readonly Fault[] {
    return [...this.#active.values()].map(({ fault }) => fault);
  }

  /** Puts faults around an actor's connection for I/O. */
  bus(actor: ActorAddress, inner: Bus): Bus {
    return this.#around({ actor, inner, carries: 'io' });
  }

  /** Puts faults around the command network as one actor has it, who may share the connection with others. */
  control(actor: ActorAddress, inner: Bus): Bus {
    return this.#around({ actor, inner, carries: 'commands' });
  }

  /** Puts faults around a disk's store, if one was found. */
  store(disk: DiskId, found: FoundStore): FoundStore {
    if (!found.ok) return found;
    const { clock, random } = this.#parts;
    const store = new FaultyStore(found.store, clock, random);
    this.#stores.push({ disk, store });
    for (const active of this.#active.values()) this.#strikeStore(active, disk, store);
    return { ok: true, store };
  }

  /** Strikes. @returns false when nothing has changed: it was in force already */
  inject(fault: Fault): boolean {
    const key = faultKey(fault);
    const before = this.#active.get(key);
    if (before !== undefined && faultKindText(before.fault) === faultKindText(fault)) return false;
    const active: ActiveFault = { fault, cancels: [] };
    for (const struck of this.#buses) this.#strikeBus(active, struck);
    for (const { disk, store } of this.#stores) this.#strikeStore(active, disk, store);
    this.#active.set(key, active);
    for (const cancel of before?.cancels ?? []) cancel();
    return true;
  }

  /** Ends what is on the target, or everything. @returns what it ended */
  heal(target: FaultTarget | null): readonly Fault[] {
    const healed: Fault[] = [];
    for (const [key, { fault, cancels }] of this.#active) {
      if (target !== null && !isSameTarget(fault.target, target)) continue;
      this.#active.delete(key);
      for (const cancel of cancels) cancel();
      healed.push(fault);
    }
    return healed;
  }

  #around({ actor, inner, carries }: Omit<StruckBus, 'bus'> & { readonly inner: Bus }): Bus {
    const { clock, log } = this.#parts;
    const struck = { actor, bus: new FaultyBus(inner, clock, log), carries };
    this.#buses.push(struck);
    for (const active of this.#active.values()) this.#strikeBus(active, struck);
    return struck.bus;
  }

  #strikeBus({ fault, cancels }: ActiveFault, { actor, bus, carries }: StruckBus): void {
    const { topology } = this.#parts;
    const busFault = carries === 'io' ? busFaultOf(topology, fault, actor) : null;
    const busFaults = busFault === null ? [] : [busFault];
    for (const each of [...busFaults, ...partitionFaultsOf(topology, fault, actor)])
      cancels.push(bus.inject(each));
  }

  #strikeStore({ fault, cancels }: ActiveFault, disk: DiskId, store: FaultyStore): void {
    const storeFault = storeFaultOf(fault, disk, store.sizeBytes);
    if (storeFault !== null) cancels.push(store.inject(storeFault));
  }
}

/** What a fault does to the connection of an actor for I/O; null: nothing. */
function busFaultOf(topology: Topology, fault: Fault, actor: ActorAddress): BusFault | null {
  const { kind, id } = partsOfTarget(fault.target);
  if (kind === 'link') {
    const link = topology.links.find((each) => each.id === id);
    if (link === undefined || !link.ends.includes(actor.id)) return null;
    if (fault.kind === 'down') return { kind: 'link-down', link: link.id };
    return slowBus(fault, link.id);
  }
  if (kind !== actor.kind || id !== actor.id) return null;
  if (kind === 'hba' && fault.kind === 'down') return { kind: 'disconnected' };
  // A disk is slow at its medium.
  return kind === 'switch' ? slowBus(fault, null) : null;
}

function slowBus(fault: Fault, link: LinkId | null): BusFault | null {
  if (fault.kind !== 'slow' || fault.delayMs === undefined) return null;
  return { kind: 'slow', link, delayMs: fault.delayMs };
}

/** What a fault does to a disk's store; null: nothing. */
function storeFaultOf(fault: Fault, disk: DiskId, storeBytes: number): StoreFault | null {
  if (fault.target !== `disk:${disk}`) return null;
  if (fault.kind === 'slow') {
    const { delayMs, times } = fault;
    return delayMs === undefined ? { kind: 'slow', times: times ?? 1 } : { kind: 'slow', delayMs };
  }
  if (fault.kind !== 'read-error') return null;
  const { atBytes = 0, lengthBytes = homeBytes(storeBytes) } = fault;
  const homeStart = layoutOf(storeBytes)?.homeStart ?? 0;
  return { kind: 'read-error', atBytes: homeStart + atBytes, lengthBytes };
}
