/**
 * An SQLite database that gets one commit after the other, each as soon as the last one was answered, and remembers which
 * ones were: whatever happens to the machine below it, those must be there, whole and in order. Each commit is a
 * row of a text that only its number decides, and a tally beside it that must always agree.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Tool } from './fetch-tool.ts';
import { runTool } from './run-tool.ts';
import { until } from './until.ts';

/**
 * How SQLite makes a commit whole and durable. A write-ahead log is synced at each commit; a rollback journal is deleted,
 * and the folder must be synced too (`EXTRA`), or the last commit may be undone by the journal that a power cut brings back.
 */
const modes = {
  delete: 'PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;',
  wal: 'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=50;',
} as const;

export type JournalMode = keyof typeof modes;

const tables = `CREATE TABLE IF NOT EXISTS commits (number INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tally (id INTEGER PRIMARY KEY, last INTEGER, count INTEGER);
INSERT OR IGNORE INTO tally VALUES (1, 0, 0);`;

/** Longer than an I/O may take until it ends with an error. */
const commitTimeoutMs = 60_000;
const textPartsMax = 120;
/** As far as a report needs it. */
const differencesMax = 3;

interface Row {
  readonly number: number;
  readonly text: string;
}

export class CommittingDatabase {
  /** The last commit that was answered. */
  acknowledged = 0;
  #sent = 0;
  readonly #sqlite3: Tool;
  readonly #mode: JournalMode;
  #client: ChildProcessWithoutNullStreams | null = null;
  #ended: Promise<number | null> = Promise.resolve(0);
  #isStopping = false;
  #isInMode = false;
  #errors = '';

  constructor(sqlite3: Tool, mode: JournalMode) {
    this.#sqlite3 = sqlite3;
    this.#mode = mode;
  }

  /** Begins to commit into a database that is in a folder, or is made there. */
  begin(folder: string): void {
    const { command, environment } = this.#sqlite3;
    const client = spawn(command, ['-batch', '-bail', this.#fileIn(folder)], { env: environment });
    this.#isStopping = false;
    this.#isInMode = false;
    this.#errors = '';
    this.#client = client;
    this.#ended = new Promise((resolve) => client.once('close', resolve));
    client.stderr.on('data', (data: Buffer) => {
      this.#errors += data.toString('utf8');
    });
    // A client whose disk has gone ends before it has read everything.
    client.stdin.on('error', () => {});
    createInterface({ input: client.stdout }).on('line', (line) => this.#said(line));
    client.stdin.write(`${modes[this.#mode]}\n${tables}\n`);
    this.#commitNext();
  }

  #said(line: string): void {
    if (line === this.#mode) this.#isInMode = true;
    const [, number] = /^committed (\d+)$/.exec(line) ?? [];
    if (number === undefined) return;
    this.acknowledged = Number(number);
    if (this.#isStopping) this.#client?.stdin.end();
    else this.#commitNext();
  }

  #commitNext(): void {
    this.#sent = this.acknowledged + 1;
    const number = this.#sent;
    // SQLite's shell reads a line after it has done, and said, everything of the last one.
    this.#client?.stdin.write(
      [
        'BEGIN IMMEDIATE;',
        `INSERT INTO commits VALUES (${number}, '${textOf(number)}');`,
        `UPDATE tally SET last = ${number}, count = count + 1;`,
        'COMMIT;',
        `SELECT 'committed ${number}';\n`,
      ].join(' '),
    );
  }

  /** Waits until so many more commits have been answered. @throws Error when the client has ended, or takes too long */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged + count;
    const client = this.#client;
    const isDone = () => this.acknowledged >= wanted || client === null || hasEnded(client);
    await until(isDone, `commit ${wanted} of ${this.#mode}`, commitTimeoutMs);
    if (this.acknowledged < wanted)
      throw new Error(`no commit after ${this.acknowledged} of ${this.#mode}: ${this.#errors}`);
  }

  /** Lets the commit that is under way be the last. @throws Error when any went wrong */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const code = await this.#ended;
    if (code !== 0) throw new Error(`sqlite3 ended with ${code}: ${this.#errors}`);
    if (!this.#isInMode) throw new Error(`the database did not take the journal ${this.#mode}`);
  }

  /** Ends the client, whatever it is about. */
  async kill(): Promise<void> {
    this.#client?.kill('SIGKILL');
    await this.#ended;
  }

  /**
   * What is wrong with the database: it is damaged, a commit that was answered is missing, one is not whole, or there is
   * one that was never sent. The commits that are there are what it goes on from.
   */
  async problems(folder: string): Promise<readonly string[]> {
    const ask = async (...words: readonly string[]) => {
      const asked = ['-batch', '-bail', this.#fileIn(folder), ...words];
      const { code, output, errors } = await runTool(this.#sqlite3, asked);
      if (code !== 0) throw new Error(`sqlite3 ${words.join(' ')} ended with ${code}: ${errors}`);
      return output.trim();
    };
    try {
      const integrity = await ask(`PRAGMA integrity_check(${differencesMax})`);
      if (integrity !== 'ok') return [`${this.#mode}: integrity_check says ${integrity}`];
      const tally = await ask('SELECT last, count FROM tally');
      const shown = await ask('-json', 'SELECT number, text FROM commits ORDER BY number');
      return this.#problemsOf(shown === '' ? [] : (JSON.parse(shown) as Row[]), tally);
    } catch (error) {
      return [`${this.#mode}: ${error instanceof Error ? error.message : error}`];
    }
  }

  #problemsOf(rows: readonly Row[], tally: string): readonly string[] {
    const count = rows.length;
    const problems = rows
      .filter(({ number, text }, index) => number !== index + 1 || text !== textOf(number))
      .slice(0, differencesMax)
      .map(
        ({ number }) => `commit ${number} is not what was written, or stands at the wrong place`,
      );
    if (count < this.acknowledged)
      problems.push(`${this.acknowledged} commits were answered, and ${count} are there`);
    if (count > this.#sent)
      problems.push(`${this.#sent} commits were sent, and ${count} are there`);
    if (tally !== `${count}|${count}`) problems.push(`the tally of ${count} commits says ${tally}`);
    this.acknowledged = count;
    return problems.map((problem) => `${this.#mode}: ${problem}`);
  }

  #fileIn(folder: string): string {
    return join(folder, `${this.#mode}.db`);
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcessWithoutNullStreams): boolean {
  return exitCode !== null || signalCode !== null;
}

/** A text that no other number has, of a few bytes up to some KiB. */
function textOf(number: number): string {
  const digest = createHash('sha256').update(`commit ${number}`).digest();
  const parts = 1 + (digest.readUInt16LE(0) % textPartsMax);
  return `${number} ${digest.toString('hex').repeat(parts)}`;
}
