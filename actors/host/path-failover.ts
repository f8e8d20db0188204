/**
 * One failover as it runs: its machine, the parts of I/Os that it hit, and the story of it that is told at its end.
 * The machine publishes what becomes of a part; an I/O that meets trouble reads that, and sends the machine an event
 * only where it may change.
 */
import type { Actor as MachineActor } from 'xstate';
import type { Route } from '../../protocols/control-data.ts';
import { eventNames, type FailoverFields } from '../../protocols/events.ts';
import type { LinkId, VolumeId } from '../../protocols/ids.ts';
import type { Clock, Log } from '../../protocols/ports.ts';
import type { Actor } from '../actor.ts';
import { runMachine, stateText } from '../running-machine.ts';
import type { DriverCounters } from './driver-counters.ts';
import type { DriverPolicy } from './driver-policy.ts';
import type { Issuer } from './issuer.ts';
import { type FailoverMode, pathFailoverMachine } from './path-failover-machine.ts';
import type { PathFailure } from './path-failures.ts';
import { laterDelayMs } from './recovery.ts';
import type { RouteEntry, RouteTarget } from './route-table.ts';
import { type Slot, SlotState, type SlotTable } from './slots.ts';
import { firstWayOf, targetsOf, waysLeft } from './ways-left.ts';

/**
 * Asks which ways to any of the targets, over no link that has failed, work: those that are to be tried first come first.
 * Null: nobody answers.
 */
export type WayQuery = (
  volume: VolumeId,
  targets: readonly RouteTarget[],
  failed: Iterable<LinkId>,
  done: (ways: readonly Route[] | null) => void,
) => void;

export interface FailoverParts {
  readonly actor: Actor;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: DriverPolicy;
  readonly counters: DriverCounters;
  readonly slots: SlotTable;
  readonly issuer: Issuer;
  readonly query: WayQuery;
}

export class PathFailover {
  readonly subject: string;
  /** Parts that it re-issued, each time. */
  reissues = 0;
  readonly #parts: FailoverParts;
  readonly #seen: string;
  readonly #startedAtMs: number;
  readonly #over: () => void;
  readonly #machine: MachineActor<typeof pathFailoverMachine>;
  readonly #decided = new Set<string>();
  readonly #links = new Set<LinkId>();
  #mode: FailoverMode = 'wait';
  /** Parts that have not ended. */
  #open = 0;
  #hit = 0;
  /** When the last part that was open had ended. */
  #endedAtMs = 0;
  /** The ways that the virtualizer verified last, in the order in which they are to be taken. */
  #verified: readonly Route[] = [];
  /** The way that the first of them took next. */
  #way: RouteEntry | null = null;

  /** @param over called when it has ended */
  constructor(parts: FailoverParts, failure: PathFailure, over: () => void) {
    this.subject = failure.subject;
    this.#parts = parts;
    this.#seen = failure.seen;
    this.#over = over;
    const { actor, clock, log, policy } = parts;
    this.#startedAtMs = clock.now();
    this.#machine = runMachine({
      machine: pathFailoverMachine.provide({
        actions: {
          publishMode: (_, { mode }) => this.#publish(mode),
          askVirtualizer: () => this.#ask(),
          endParts: () => this.#endParts(),
          tellDecision: (_, { what }) => this.#decided.add(what),
          tellStory: () => this.#tell(),
        },
      }),
      name: `path-failover:${failure.subject}`,
      input: { noPathRetryMs: policy.noPathRetryMs, isSilence: failure.isSilence },
      actor,
      clock,
      log,
      onFailure: () => this.#publish('hold'),
    });
  }

  /** Its machine, to look at it. */
  get machine(): MachineActor<typeof pathFailoverMachine> {
    return this.#machine;
  }

  get facts(): Record<string, unknown> {
    return {
      subject: this.subject,
      state: stateText(this.#machine.getSnapshot().value),
      seen: this.#seen,
      partsHit: this.#hit,
      partsOpen: this.#open,
      reissues: this.reissues,
      lastsMs: this.#parts.clock.now() - this.#startedAtMs,
    };
  }

  /** Takes over a part whose way failed. Nothing ends before this returns. */
  hit(slot: Slot, failure: PathFailure): void {
    if (slot.failover === null) this.#takeOver(slot);
    slot.waysTried++;
    for (const link of failure.links) this.#links.add(link);
    this.#parts.issuer.withdraw(slot);
    slot.state = SlotState.waiting;
    slot.retryAtMs = Number.POSITIVE_INFINITY;
    if (this.#mode === 'hold') this.#putOff(slot);
    else if (!failure.isNamed) this.#machine.send({ type: 'alternates.unnamed' });
    else if (this.#mode === 'wait') this.#machine.send({ type: 'alternates.named' });
    else this.#reissue(slot);
  }

  /** Takes over a part that got no answer. Whoever saw that sends it again. */
  overdue(slot: Slot): void {
    this.#takeOver(slot);
    if (this.#mode === 'wait') this.#machine.send({ type: 'answers.overdue' });
  }

  /** A link or HBA came back, or there is newer control data. */
  waysChanged(): void {
    if (this.#mode !== 'hold') return;
    if (this.#slots().some((slot) => waysLeft(slot).working > 0))
      this.#machine.send({ type: 'ways.changed' });
  }

  /** The way that a part of it takes next, as far as the virtualizer was asked; null: the host's own policy decides. */
  verifiedWay(slot: Slot): RouteEntry | null {
    return this.#verified.length === 0 ? null : firstWayOf(slot, this.#verified);
  }

  /** A part of it was sent again. */
  reissued(route: RouteEntry): void {
    this.reissues++;
    this.#way ??= route;
  }

  /** A part of it has ended. */
  partEnded(): void {
    this.#open--;
    if (this.#open > 0) return;
    this.#endedAtMs = this.#parts.clock.now();
    this.#machine.send({ type: 'parts.ended' });
  }

  stop(): void {
    this.#machine.stop();
  }

  #takeOver(slot: Slot): void {
    this.#open++;
    this.#hit++;
    // What that publishes is for the others: this one is handled next.
    if (this.#open === 1) this.#machine.send({ type: 'parts.hit' });
    slot.failover = this;
    slot.waysTried = 0;
  }

  #publish(mode: FailoverMode): void {
    this.#mode = mode;
    if (mode === 'wait') return;
    for (const slot of this.#slots())
      if (slot.state === SlotState.waiting) {
        if (mode === 'hold') this.#putOff(slot);
        else this.#reissue(slot);
      }
    if (this.#open === 0) this.#machine.send({ type: 'parts.ended' });
  }

  /** As many tries as there are ways now: then, or when none of them is known to work, it waits. */
  #reissue(slot: Slot): void {
    const ways = waysLeft(slot);
    if (ways.working === 0) {
      this.#putOff(slot);
      this.#machine.send({ type: 'ways.exhausted' });
    } else if (slot.waysTried > ways.known) this.#putOff(slot);
    else if (!this.#parts.issuer.reissue(slot)) slot.retryAtMs = 0;
  }

  #putOff(slot: Slot): void {
    const { clock, policy } = this.#parts;
    slot.retryAtMs = clock.now() + laterDelayMs(slot.request, policy);
  }

  #ask(): void {
    const [slot] = this.#slots();
    if (slot === undefined) return;
    const { counters, query } = this.#parts;
    counters.pathQueries++;
    query(slot.request.volume, targetsOf(slot), this.#links, (ways) => {
      this.#verified = ways ?? [];
      if (ways === null) this.#machine.send({ type: 'virtualizer.silent' });
      else if (ways.length === 0) this.#machine.send({ type: 'alternates.lacking' });
      else this.#machine.send({ type: 'alternates.found' });
    });
  }

  /**
   * What is only silent has ways that may work, and what waits for another decision may have some by that: they have
   * until their own deadlines.
   */
  #endParts(): void {
    const nowMs = this.#parts.clock.now();
    for (const slot of this.#slots())
      if (slot.state !== SlotState.held && waysLeft(slot).working === 0)
        slot.deadlineMs = Math.min(slot.deadlineMs, nowMs);
  }

  #slots(): readonly Slot[] {
    const found: Slot[] = [];
    for (let slot = this.#parts.slots.oldest; slot !== null; slot = slot.newer)
      if (slot.failover === this) found.push(slot);
    return found;
  }

  #tell(): void {
    const { actor } = this.#parts;
    const way = this.#way;
    const fields: FailoverFields = {
      subject: this.subject,
      seen: this.#seen,
      decided: [...this.#decided].join('; '),
      hba: way?.hba.id ?? '',
      route: way?.links.map(({ link }) => link) ?? [],
      hit: this.#hit,
      reissues: this.reissues,
      tookMs: Math.round((this.#endedAtMs - this.#startedAtMs) * 10) / 10,
    };
    actor.tell(eventNames.failover, fields);
    this.#over();
  }
}
