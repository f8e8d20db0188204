/**
 * The config database of the simulation: a server that outlives the processes that ask it.
 *
 * Fault model: a request or its answer is lost (the outcome is unknown; the write happened or not), a write arrives
 * after its sender gave up (it may yet happen), a read gives an older value, the server is paused, down, full, or out
 * of one process's reach. A server that does not sync every write loses, at a power cut, what it acknowledged since
 * its last sync, and issues the same revisions again. Weaker than JetStream on purpose: a late request may be
 * overtaken by a later one of the same process.
 */
import { databaseKeys } from '../../actors/virtualizer/record-store.ts';
import type { ConfigDatabase, DatabaseRead, DatabaseWrite } from '../../protocols/ports.ts';
import type { VirtualClock } from './clock.ts';
import { DatabaseEntries } from './database-entries.ts';
import {
  type DatabaseList,
  type DatabaseServer,
  ProcessDatabase,
  requestTimeoutMs,
} from './database-handle.ts';
import type { SimulatedProcess } from './process.ts';
import type { SeededRandom } from './random.ts';

/** Rates are per million requests; 0 turns a fault off. */
export interface DatabaseFaults {
  readonly lostRequests: number;
  readonly lostAnswers: number;
  /** Writes that arrive only after their sender was told that the outcome is unknown. */
  readonly lateWrites: number;
  readonly oldReads: number;
}

export const noDatabaseFaults: DatabaseFaults = {
  lostRequests: 0,
  lostAnswers: 0,
  lateWrites: 0,
  oldReads: 0,
};

export type DatabaseEventKind =
  | 'written'
  | 'conflict'
  | 'full'
  | keyof DatabaseFaults
  | 'rolledBack';

export interface SimulatedDatabaseOptions {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly syncsEveryWrite: boolean;
  /** Told what the server did and which faults struck: for the trace. */
  readonly note?: (kind: DatabaseEventKind, key: string, revision: number) => void;
}

/** One way, request or answer; a compare-and-set takes about as long as measured on JetStream. */
const wayMsMin = 0.1;
const wayMsMax = 0.8;
/** What a sync adds where every write is synced. */
const syncMsMax = 4;
/** How long after the time-out a late write may arrive. */
const lateMsMax = 3000;
/** How soon a process notices that the server is gone. */
const noticeMsMax = 20;
/** A server that does not sync every write syncs this often: the default of nats-server. */
const syncIntervalMs = 120_000;

export class SimulatedDatabase implements DatabaseServer {
  readonly syncsEveryWrite: boolean;
  faults: DatabaseFaults = noDatabaseFaults;
  /** How often each thing happened. */
  readonly counts: Record<DatabaseEventKind, number> = {
    written: 0,
    conflict: 0,
    full: 0,
    lostRequests: 0,
    lostAnswers: 0,
    lateWrites: 0,
    oldReads: 0,
    rolledBack: 0,
  };
  /** While true the server refuses writes for lack of space. */
  full = false;
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #note: (kind: DatabaseEventKind, key: string, revision: number) => void;
  readonly #entries = new DatabaseEntries();
  readonly #unreachable = new Set<string>();
  readonly #handles = new Set<ProcessDatabase>();
  #state: 'up' | 'paused' | 'down' = 'up';
  /** What arrived while the server was paused. */
  #held: (() => void)[] = [];
  /** Steps when the server goes down: what is on the way to it is lost then. */
  #life = 0;
  #askedSyncMs = Number.NEGATIVE_INFINITY;

  constructor(options: SimulatedDatabaseOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.syncsEveryWrite = options.syncsEveryWrite;
    this.#note = options.note ?? (() => {});
  }

  get state(): 'up' | 'paused' | 'down' {
    return this.#state;
  }

  /** The port of one process. What it is told ends with the process; what it asked for may still happen. */
  open(process: SimulatedProcess): ConfigDatabase {
    const handle = new ProcessDatabase(this, process);
    this.#handles.add(handle);
    process.onStop(() => this.#handles.delete(handle));
    return handle;
  }

  /** What is stored, at once and as it is: for checkers and people. */
  peek(key: string): DatabaseRead {
    return this.#entries.read(key, 0);
  }

  /** The keys that begin so, as `peek` finds them. */
  peekKeys(prefix: string): readonly string[] {
    return this.#entries.keysFrom(prefix);
  }

  /** From now on requests wait; they are served when it is resumed, unless it goes down before. */
  pause(): void {
    if (this.#state === 'up') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'up';
    for (const serve of this.#held.splice(0)) serve();
  }

  /** Kills the server. What it had written is in the operating system's cache and will be there. */
  stop(): void {
    if (this.#state === 'down') return;
    this.#state = 'down';
    this.#life += 1;
    this.#held = [];
    for (const handle of this.#handles) handle.connectionLost(this.#between(0, noticeMsMax));
  }

  start(): void {
    if (this.#state === 'down') this.#state = 'up';
  }

  /** Stops the server and leaves what is durable: everything, or a beginning of what came after the last sync. */
  powerCut(): void {
    this.stop();
    if (this.syncsEveryWrite) return;
    const synced = this.#entries.revisionAt(this.#syncedUntilMs());
    // A lease is renewed all the time: where the rest ends is what matters.
    const cuts = [synced, ...this.#entries.revisionsAfter(synced, databaseKeys.control)];
    const cut = cuts[this.#random.integer(cuts.length)] ?? synced;
    const kept = this.#random.pick([synced, this.#entries.revisionLast, cut]);
    const lost = this.#entries.rollBackTo(kept);
    if (lost > 0) this.#happened('rolledBack', '', kept);
  }

  /** The server syncs now, whatever its interval. */
  sync(): void {
    this.#askedSyncMs = this.#clock.now();
  }

  /** Puts a process out of the server's reach, or back: its requests and the answers to it are lost. */
  setReachable(process: SimulatedProcess, isReachable: boolean): void {
    if (isReachable) this.#unreachable.delete(process.name);
    else this.#unreachable.add(process.name);
  }

  carry(process: SimulatedProcess, key: string, isWrite: boolean, serve: () => void): void {
    if (this.#unreachable.has(process.name) || this.#random.chance(this.faults.lostRequests)) {
      this.#happened('lostRequests', key, 0);
      return;
    }
    let delayMs = this.#between(wayMsMin, wayMsMax);
    if (isWrite && this.syncsEveryWrite) delayMs += this.#between(0, syncMsMax);
    if (isWrite && this.#random.chance(this.faults.lateWrites)) {
      this.#happened('lateWrites', key, 0);
      delayMs += requestTimeoutMs + this.#between(0, lateMsMax);
    }
    const life = this.#life;
    const arrive = (): void => {
      if (life !== this.#life) return;
      if (this.#state === 'paused') this.#held.push(serve);
      else serve();
    };
    this.#clock.setTimeoutFor(null, arrive, delayMs);
  }

  answer(process: SimulatedProcess, key: string, deliver: () => void): void {
    if (this.#unreachable.has(process.name) || this.#random.chance(this.faults.lostAnswers)) {
      this.#happened('lostAnswers', key, 0);
      return;
    }
    this.#clock.setTimeoutFor(process, deliver, this.#between(wayMsMin, wayMsMax));
  }

  serveRead(key: string): DatabaseRead {
    const isOld = this.#random.chance(this.faults.oldReads);
    if (!isOld) return this.#entries.read(key, 0);
    this.#happened('oldReads', key, 0);
    return this.#entries.read(key, this.#random.integer(this.#entries.ageMax(key) + 1));
  }

  serveWrite(key: string, value: string, expectedRevision: number): DatabaseWrite {
    if (this.full) {
      this.#happened('full', key, 0);
      return { outcome: 'unknown', reason: 'the config database has no space left' };
    }
    const nowMs = this.#clock.now();
    const change = { key, value, expectedRevision };
    const result = this.#entries.write(change, nowMs, this.#syncedUntilMs());
    if (result.outcome === 'written') this.#happened('written', key, result.revision);
    else this.#happened('conflict', key, expectedRevision);
    return result;
  }

  serveList(prefix: string): DatabaseList {
    return { keys: this.peekKeys(prefix) };
  }

  #syncedUntilMs(): number {
    const nowMs = this.#clock.now();
    if (this.syncsEveryWrite) return nowMs;
    return Math.max(this.#askedSyncMs, Math.floor(nowMs / syncIntervalMs) * syncIntervalMs);
  }

  #between(low: number, high: number): number {
    return this.#random.between(low, high);
  }

  #happened(kind: DatabaseEventKind, key: string, revision: number): void {
    this.counts[kind] += 1;
    this.#note(kind, key, revision);
  }
}
