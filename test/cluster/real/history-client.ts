/**
 * An NBD client that writes down what it did and saw. It keeps several requests in flight, comes back when its
 * connection ends, and asks again for what was not answered, as the Linux kernel's client does. What it writes anew
 * carries a number of its own: should the old copy land later, it is told apart.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { stampedSectors, valuesOf } from '../../../cluster/history/stamped-sectors.ts';
import type { WriteToken } from '../../../cluster/history/volume-history.ts';
import type { ListenAt } from '../../../cluster/nbd/server.ts';
import type { SeededRandom } from '../../../cluster/simulation/random.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { sectorBytes } from '../../../protocols/units.ts';
import { type Answer, type ClientRequest, TestClient } from '../nbd/test-client.ts';
import type { HistoryRecorder } from './history-recorder.ts';
import { drawRequest, type HistoryArea, type PlannedRequest } from './history-requests.ts';

export interface HistoryClientOptions {
  /** For people, as in `h1/0`. */
  readonly name: string;
  readonly at: ListenAt;
  readonly exportName: string;
  readonly recorder: HistoryRecorder;
  readonly random: SeededRandom;
  readonly area: HistoryArea;
  /** Requests in flight. */
  readonly depth: number;
  /** A connection that leaves a request unanswered for so long is given up. */
  readonly patienceMs: number;
}

const reconnectDelayMs = 20;
/** Clients do not hammer at a volume that refuses everything. */
const errorDelayMs = 10;
const readBackSectors = 128;

export class HistoryClient {
  readonly #options: HistoryClientOptions;
  #connection: TestClient | null = null;
  #connecting: Promise<TestClient | null> | null = null;
  #lanes: Promise<void>[] = [];
  #isStopping = false;
  #wasConnected = false;

  constructor(options: HistoryClientOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.#connection?.isLost === false;
  }

  /** Begins to make requests. */
  start(): void {
    const { depth } = this.#options;
    this.#lanes = Array.from({ length: depth }, () => this.#lane());
  }

  /** Makes no new request, and waits until those in flight have ended. Nobody is asked again after `withinMs`. */
  async stop(withinMs: number): Promise<void> {
    this.#isStopping = true;
    const impatience = setTimeout(() => this.#connection?.close(), withinMs);
    await Promise.all(this.#lanes);
    clearTimeout(impatience);
    this.#connection?.close();
    this.#wasConnected = false;
  }

  /** Hangs up in the middle of whatever is under way. */
  drop(): void {
    this.#connection?.close();
  }

  /**
   * Reads the whole area once, again and again where that fails, for the volume may be assembled anew meanwhile.
   *
   * @throws Error when that takes longer than `withinMs`
   */
  async readBack(withinMs: number): Promise<void> {
    this.#isStopping = false;
    const impatience = setTimeout(() => {
      this.#isStopping = true;
      this.#connection?.close();
    }, withinMs);
    try {
      await this.#readArea();
    } finally {
      clearTimeout(impatience);
      this.#connection?.close();
    }
  }

  async #readArea(): Promise<void> {
    const { area, name } = this.#options;
    const end = area.firstSector + area.sectorCount;
    for (let at = area.firstSector; at < end; at += readBackSectors) {
      let why = '';
      for (;;) {
        const answer = await this.#read(at, Math.min(readBackSectors, end - at));
        if (answer?.error === nbd.NBD_SUCCESS) break;
        if (answer === null) throw new Error(`${name} cannot read back sector ${at}: ${why}`);
        why = `${answer.error} ${answer.message}`;
        await delay(errorDelayMs);
      }
    }
  }

  async #lane(): Promise<void> {
    while (!this.#isStopping) {
      const answer = await this.#perform(drawRequest(this.#options.random, this.#options.area));
      if (answer !== null && answer.error !== nbd.NBD_SUCCESS) await delay(errorDelayMs);
    }
  }

  /** null when it was not answered, even when it was asked again. */
  #perform(request: PlannedRequest): Promise<Answer | null> {
    switch (request.kind) {
      case 'read':
        return this.#read(request.firstSector, request.sectorCount);
      case 'flush':
        return this.#flush();
      default:
        return this.#change(request);
    }
  }

  async #read(firstSector: number, sectorCount: number): Promise<Answer | null> {
    const { recorder, name } = this.#options;
    for (;;) {
      const connection = await this.#connected();
      if (connection === null) return null;
      const startedAt = recorder.now();
      const range = { offset: firstSector * sectorBytes, lengthBytes: sectorCount * sectorBytes };
      const answer = await this.#ask(connection, { command: nbd.NBD_CMD_READ, ...range });
      this.#count('read', answer);
      if (answer === null) continue;
      if (answer.error === nbd.NBD_SUCCESS) {
        const values = valuesOf(answer.data, firstSector);
        recorder.history.readSucceeded({
          firstSector,
          values,
          startedAt,
          at: recorder.now(),
          by: name,
        });
      }
      return answer;
    }
  }

  async #flush(): Promise<Answer | null> {
    const { recorder } = this.#options;
    for (;;) {
      const connection = await this.#connected();
      if (connection === null) return null;
      const startedAt = recorder.now();
      const answer = await this.#ask(connection, { command: nbd.NBD_CMD_FLUSH });
      this.#count('flush', answer);
      if (answer?.error === nbd.NBD_SUCCESS)
        recorder.history.flushSucceeded(startedAt, recorder.now());
      if (answer !== null) return answer;
    }
  }

  /** A write of any kind; each time that it is asked for is a write of its own in the history. */
  async #change(request: PlannedRequest): Promise<Answer | null> {
    const { history } = this.#options.recorder;
    const unanswered: WriteToken[] = [];
    for (;;) {
      const connection = await this.#connected();
      if (connection === null) return null;
      const { write, command } = this.#newWrite(request);
      const answer = await this.#ask(connection, command);
      this.#count(request.kind, answer);
      if (answer === null) {
        unanswered.push(write);
        continue;
      }
      const at = this.#options.recorder.now();
      if (answer.error === nbd.NBD_SUCCESS) {
        history.writeSucceeded(write, request.kind === 'fua', at);
        for (const copy of unanswered) history.writeOvertaken(copy, at);
      } else history.writeFailed(write, at);
      return answer;
    }
  }

  #newWrite({ kind, firstSector, sectorCount }: PlannedRequest): {
    write: WriteToken;
    command: ClientRequest;
  } {
    const { recorder, name: by } = this.#options;
    const isZeroing = kind === 'zeroes' || kind === 'trim';
    const value = isZeroing ? 0 : recorder.newValue();
    const offset = firstSector * sectorBytes;
    const command: ClientRequest = isZeroing
      ? {
          command: kind === 'trim' ? nbd.NBD_CMD_TRIM : nbd.NBD_CMD_WRITE_ZEROES,
          offset,
          lengthBytes: sectorCount * sectorBytes,
        }
      : {
          command: nbd.NBD_CMD_WRITE,
          offset,
          flags: kind === 'fua' ? nbd.NBD_CMD_FLAG_FUA : 0,
          payload: stampedSectors(value, firstSector, sectorCount),
        };
    const at = recorder.now();
    const write = recorder.history.beginWrite({ value, firstSector, sectorCount, at, by });
    return { write, command };
  }

  /** null when the connection ended before the answer came, or was given up because it did not. */
  async #ask(connection: TestClient, request: ClientRequest): Promise<Answer | null> {
    const impatience = setTimeout(() => connection.close(), this.#options.patienceMs);
    try {
      return await connection.request(request);
    } catch {
      return null;
    } finally {
      clearTimeout(impatience);
    }
  }

  #count(kind: PlannedRequest['kind'], answer: Answer | null): void {
    const { recorder } = this.#options;
    if (answer === null) recorder.count(kind, 'unanswered');
    else if (answer.error === nbd.NBD_SUCCESS) recorder.count(kind, 'done');
    else {
      recorder.count(kind, 'error');
      recorder.countError(answer.message || `NBD error ${answer.error}`);
    }
  }

  /** The connection, once there is one; null when it was lost while stopping. */
  #connected(): Promise<TestClient | null> {
    if (this.#connection?.isLost === false) return Promise.resolve(this.#connection);
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #connect(): Promise<TestClient | null> {
    while (!this.#isStopping) {
      this.#connection = await this.#tryToConnect();
      if (this.#connection === null) {
        await delay(reconnectDelayMs);
        continue;
      }
      if (this.#wasConnected) this.#options.recorder.reconnects++;
      this.#wasConnected = true;
      return this.#connection;
    }
    return null;
  }

  async #tryToConnect(): Promise<TestClient | null> {
    const { at, exportName, patienceMs } = this.#options;
    const client = await TestClient.connect(at).catch(() => null);
    if (client === null) return null;
    const impatience = setTimeout(() => client.close(), patienceMs);
    try {
      await client.go(exportName, { structured: true });
      return client;
    } catch {
      client.close();
      return null;
    } finally {
      clearTimeout(impatience);
    }
  }
}
