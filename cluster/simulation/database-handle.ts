/**
 * The ConfigDatabase port of one simulated process: it waits for answers, gives up after a time, and falls silent
 * with its process. What happens on the way and at the server is left to `database.ts`.
 */
import type { ConfigDatabase, DatabaseRead, DatabaseWrite, Timer } from '../../protocols/ports.ts';
import { checkDatabaseKey, checkDatabaseWrite } from '../database-key.ts';
import type { SimulatedProcess } from './process.ts';

export type DatabaseList = { readonly keys: readonly string[] } | { readonly unavailable: string };

/** What a handle asks of the server and of the way there. The `serve` calls happen at the server. */
export interface DatabaseServer {
  readonly syncsEveryWrite: boolean;
  readonly state: 'up' | 'paused' | 'down';
  /** Takes a request to the server; `serve` runs there, if and when it arrives. */
  carry(process: SimulatedProcess, key: string, isWrite: boolean, serve: () => void): void;
  /** Takes an answer to a process. */
  answer(process: SimulatedProcess, key: string, deliver: () => void): void;
  serveRead(key: string): DatabaseRead;
  serveWrite(key: string, value: string, expectedRevision: number): DatabaseWrite;
  serveList(prefix: string): DatabaseList;
}

export const requestTimeoutMs = 2000;
/** How soon a request is refused when there is no connection to send it on. */
const refusalDelayMs = 1;

export class ProcessDatabase implements ConfigDatabase {
  readonly #server: DatabaseServer;
  readonly #process: SimulatedProcess;
  readonly #waiting = new Set<(reason: string) => void>();

  constructor(server: DatabaseServer, process: SimulatedProcess) {
    this.#server = server;
    this.#process = process;
  }

  get syncsEveryWrite(): boolean {
    return this.#server.syncsEveryWrite;
  }

  read(key: string, done: (result: DatabaseRead) => void): void {
    checkDatabaseKey(key);
    this.#ask<DatabaseRead>(
      { key, isWrite: false, serve: () => this.#server.serveRead(key) },
      (reason) => ({ outcome: 'unavailable', reason }),
      done,
    );
  }

  write(
    key: string,
    value: string,
    expectedRevision: number,
    done: (result: DatabaseWrite) => void,
  ): void {
    checkDatabaseWrite(key, value, expectedRevision);
    const serve = () => this.#server.serveWrite(key, value, expectedRevision);
    this.#ask<DatabaseWrite>(
      { key, isWrite: true, serve },
      (reason) => ({ outcome: 'unknown', reason }),
      done,
    );
  }

  list(prefix: string, done: (result: DatabaseList) => void): void {
    this.#ask<DatabaseList>(
      { key: prefix, isWrite: false, serve: () => this.#server.serveList(prefix) },
      (reason) => ({ unavailable: reason }),
      done,
    );
  }

  /** What waits ends as unknown or unavailable once the process has noticed. */
  connectionLost(noticeMs: number): void {
    for (const cut of this.#waiting) {
      this.#process.clock.setTimeout(() => cut('the connection was lost'), noticeMs);
    }
  }

  #ask<Result>(
    request: { key: string; isWrite: boolean; serve: () => Result },
    failed: (reason: string) => Result,
    done: (result: Result) => void,
  ): void {
    const { clock } = this.#process;
    let timer: Timer | null = null;
    const finish = (result: Result): void => {
      if (!this.#waiting.delete(cut)) return;
      if (timer !== null) clock.clearTimeout(timer);
      done(result);
    };
    const cut = (reason: string): void => finish(failed(reason));
    this.#waiting.add(cut);
    if (this.#server.state === 'down') {
      clock.setTimeout(() => cut('not connected'), refusalDelayMs);
      return;
    }
    timer = clock.setTimeout(() => cut('no answer in time'), requestTimeoutMs);
    this.#server.carry(this.#process, request.key, request.isWrite, () => {
      const result = request.serve();
      this.#server.answer(this.#process, request.key, () => finish(result));
    });
  }
}
