/**
 * The lease of the virtualizer that decides (DESIGN V7): a key of the config database, written again and again by its
 * holder, and watched by those who stand by. It makes a takeover happen soon, and not too soon; nothing else rests on
 * it. A holder whose lease ran out and who does not know it is harmless: what it decides needs a compare-and-set that
 * fails once its successor has decided, and members refuse its control epoch. Times are measured by each process for
 * itself: who watches waits for as long as nothing changes.
 */
import { isDeepStrictEqual } from 'node:util';
import { eventNames, eventSchema, nodeExitedSchema } from '../../protocols/events.ts';
import type { Bus, Cancel, Clock, ConfigDatabase, Timer } from '../../protocols/ports.ts';
import { type Subjects, senderOf } from '../../protocols/subjects.ts';
import type { Instant } from '../../protocols/units.ts';
import { decodeJson } from '../json.ts';
import {
  type ControlRecord,
  controlRecordSchema,
  type Decider,
  lossText,
} from './control-claim.ts';
import { databaseKeys, RecordStore } from './record-store.ts';
import type { VirtualizerMachineEvent } from './virtualizer-machine.ts';

export interface LeaseParts extends Decider {
  readonly database: ConfigDatabase;
  readonly control: Bus;
  readonly clock: Clock;
  readonly subjects: Subjects;
  /** It has run out when nothing has changed for so long. */
  readonly leaseMs: number;
}

type Tell = (event: VirtualizerMachineEvent) => void;

/** A holder that is lucky renews it so many times before it would run out. */
const renewalsPerLease = 3;
const looksPerLease = 10;

export class ControlLease {
  readonly #parts: LeaseParts;
  #timer: Timer | null = null;
  /** What is asked of the database before this changes is not waited for any more. */
  #term = 0;
  #cancels: Cancel[] = [];
  /** When what renewed it last was begun. */
  #renewedAt: Instant | null = null;
  /** What was read last, and since when it has not changed. */
  #seen: { readonly record: ControlRecord | null; readonly sinceMs: Instant } | null = null;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
  }

  /** What was found to be nobody's any more: it is to be taken from this, and from nothing later. */
  get free(): ControlRecord | null {
    return this.#seen?.record ?? null;
  }

  /** Nobody else can have found it to be free: who holds it and cannot renew it must not promise anything. */
  get isHeld(): boolean {
    const { clock, leaseMs } = this.#parts;
    return this.#renewedAt !== null && clock.now() - this.#renewedAt < leaseMs;
  }

  /**
   * Looks until nobody decides: `control.free` follows, and `control.held` while somebody does.
   *
   * @param isFirst this process has decided nothing yet: an earlier process of the same virtualizer is gone
   */
  watch(isFirst: boolean, tell: Tell): void {
    const { control, subjects, clock, leaseMs } = this.#parts;
    this.stop();
    this.#seen = null;
    const store = this.#store();
    const term = this.#term;
    const isOver = () => term !== this.#term;
    const freed = () => {
      this.stop();
      tell({ type: 'control.free' });
    };
    const look = (): void =>
      store.read((result) => {
        if (isOver()) return;
        // Who cannot read it cannot tell for how long it has not changed.
        if (result.outcome === 'unavailable' || result.outcome === 'invalid')
          this.#seen &&= { ...this.#seen, sinceMs: clock.now() };
        else {
          const record = result.outcome === 'found' ? result.value : null;
          if (this.#isFree(record, isFirst)) return freed();
          if (record !== null) tell({ type: 'control.held', reason: heldText(record) });
        }
        this.#after(leaseMs / looksPerLease, look);
      });
    this.#cancels = [
      control.subscribe(subjects.events(), {
        message: (data, subject) => {
          if (isOver() || !this.#hasLeft(data, subject)) return;
          clock.soon(() => {
            if (!isOver()) freed();
          });
        },
      }),
    ];
    look();
  }

  /**
   * Renews what this process has taken, until somebody else has it: `control.lost` follows. Who hears nobody renews
   * nothing: another one may hear them.
   */
  hold(controlEpoch: number, tell: Tell): void {
    const { incarnation, leaseMs, clock, control } = this.#parts;
    this.stop();
    const store = this.#store();
    const term = this.#term;
    const isOver = () => term !== this.#term;
    const later = () => this.#after(leaseMs / renewalsPerLease, renew);
    /** Since when what is read is older than what was written: a read may be old, and not for long. */
    let behindSince: Instant | null = null;
    const lose = (reason: string) => {
      this.stop();
      tell({ type: 'control.lost', reason });
    };
    const judge = (record: ControlRecord | null, at: Instant): void => {
      const isOwn = record?.incarnation === incarnation && record.controlEpoch === controlEpoch;
      if (record !== null && !isOwn && record.controlEpoch >= controlEpoch) lose(lossText(record));
      else if (isOwn && control.state === 'connected') {
        behindSince = null;
        store.write({ ...record, renewal: record.renewal + 1 }, (written) => {
          if (isOver()) return;
          if (written.outcome === 'written') this.#renewedAt = at;
          later();
        });
      } else {
        behindSince = isOwn ? null : (behindSince ?? at);
        if (behindSince === null || at - behindSince < leaseMs) later();
        else lose('the config database has forgotten who decides');
      }
    };
    const renew = (): void => {
      const at = clock.now();
      store.read((result) => {
        if (isOver()) return;
        if (result.outcome === 'found') judge(result.value, at);
        else if (result.outcome === 'absent') judge(null, at);
        else later();
      });
    };
    this.#renewedAt = clock.now();
    renew();
  }

  /** Neither watches nor renews any more. */
  stop(): void {
    this.#term++;
    this.#renewedAt = null;
    for (const cancel of this.#cancels.splice(0)) cancel();
    if (this.#timer !== null) this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  #isFree(record: ControlRecord | null, isFirst: boolean): boolean {
    const { clock, leaseMs, virtualizer, incarnation } = this.#parts;
    const nowMs = clock.now();
    if (this.#seen === null || !isDeepStrictEqual(this.#seen.record, record))
      this.#seen = { record, sinceMs: nowMs };
    if (record === null || record.incarnation === incarnation) return true;
    return (isFirst && record.virtualizer === virtualizer) || nowMs - this.#seen.sinceMs >= leaseMs;
  }

  /** Whoever holds it was seen to end, or has said goodbye. */
  #hasLeft(data: Uint8Array, subject: string): boolean {
    const holder = this.#seen?.record ?? null;
    const { sender, what } = senderOf(subject) ?? {};
    if (holder === null || sender === undefined) return false;
    if (what === eventNames.goodbye) {
      const incarnation = eventSchema.safeParse(decodeJson(data)).data?.incarnation;
      return sender.kind === 'virtualizer' && incarnation === holder.incarnation;
    }
    if (what !== eventNames.exited) return false;
    const { actors = [] } = nodeExitedSchema.safeParse(decodeJson(data)).data ?? {};
    return actors.some(({ kind, id }) => kind === 'virtualizer' && id === holder.virtualizer);
  }

  #store(): RecordStore<ControlRecord> {
    return new RecordStore(this.#parts.database, databaseKeys.control, controlRecordSchema);
  }

  #after(delayMs: number, run: () => void): void {
    this.#timer = this.#parts.clock.setTimeout(() => {
      this.#timer = null;
      run();
    }, delayMs);
  }
}

function heldText({ virtualizer, controlEpoch }: ControlRecord): string {
  return `it stands by: virtualizer ${virtualizer} decides with control epoch ${controlEpoch}`;
}
