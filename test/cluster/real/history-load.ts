/** Several history clients on one volume, through one host or several, and the verdict on all that they saw. */
import { expect } from 'chai';
import type { ListenAt } from '../../../cluster/nbd/server.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { sectorBytes } from '../../../protocols/units.ts';
import { until } from '../../tools/until.ts';
import { HistoryClient } from './history-client.ts';
import { HistoryRecorder, type RequestKind, requestKinds } from './history-recorder.ts';
import { historyArea } from './history-requests.ts';

export interface HistoryLoadOptions {
  /** Exports of one volume, as NBD URIs; each gets as many clients. */
  readonly uris: readonly string[];
  readonly clientsPerUri: number;
  /** Requests that each client has in flight. */
  readonly depth: number;
  /** The part of the volume that nobody else touches. */
  readonly startBytes: number;
  readonly lengthBytes: number;
  readonly patienceMs?: number;
}

const patienceDefaultMs = 5000;
const stopWithinMs = 10_000;
const readBackWithinMs = 60_000;
/** Until enough is done; a busy machine takes its time. */
const tellingWithinMs = 30_000;
const violationsShownMax = 3;
/**
 * Where dozens of writes to one sector hang at once, too many orders are possible to claim anything. That may happen to
 * this share of an area, but no more: a judge that claims nothing proves nothing.
 */
const unclearShareMax = 0.005;
/** Fewer would show little. */
const leastOf: readonly (readonly [RequestKind, number])[] = [
  ['read', 50],
  ['write', 50],
  ['fua', 5],
  ['flush', 1],
];
let loads = 0;

export class HistoryLoad {
  readonly recorder = new HistoryRecorder();
  readonly #areaSectors: number;
  readonly #clients: readonly HistoryClient[];
  /** One for each export. */
  readonly #readers: readonly HistoryClient[];

  constructor(options: HistoryLoadOptions) {
    const { uris, clientsPerUri, depth, startBytes, lengthBytes, patienceMs } = options;
    loads++;
    this.#areaSectors = lengthBytes / sectorBytes;
    const random = new SeededRandom(`${process.pid} ${loads}`);
    const area = historyArea(startBytes, lengthBytes, random.fork('area'));
    this.#clients = uris.flatMap((uri, place) =>
      Array.from({ length: clientsPerUri }, (_, index) => {
        const name = `${place + 1}/${index + 1}`;
        return new HistoryClient({
          name,
          ...placeOf(uri),
          recorder: this.recorder,
          random: random.fork(name),
          area,
          depth,
          patienceMs: patienceMs ?? patienceDefaultMs,
        });
      }),
    );
    this.#readers = this.#clients.filter((_, index) => index % clientsPerUri === 0);
  }

  start(): void {
    for (const client of this.#clients) client.start();
  }

  /** Every client hangs up in the middle of what it does, and comes back. */
  drop(): void {
    for (const client of this.#clients) client.drop();
  }

  /** Waits until no client is connected: none will be told anything more of what it asked for. */
  async untilGone(): Promise<void> {
    await until(() => this.#clients.every(({ isConnected }) => !isConnected), 'clients to be gone');
  }

  /** Waits until enough of each kind was done to show something. */
  async untilTelling(): Promise<void> {
    await until(
      () => leastOf.every(([kind, least]) => this.recorder.counted(kind, 'done') >= least),
      'enough requests to be done',
      tellingWithinMs,
    );
  }

  /** Waits until clients have been given some more answers that say that it was done. */
  async untilMoreDone(more = 50): Promise<void> {
    const before = this.recorder.total('done');
    const isMore = () => this.recorder.total('done') > before + more;
    await until(isMore, 'more requests to be done', tellingWithinMs);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop(stopWithinMs)));
  }

  /** Reads the area once through each of the exports. @throws Error when that fails. */
  async readBack(): Promise<void> {
    for (const client of this.#readers) await client.readBack(readBackWithinMs);
  }

  /** Prints what was done, and fails when it cannot be explained, or is too little to show anything. */
  expectLinearizable(): void {
    const { recorder } = this;
    const startedMs = performance.now();
    const { violations, unclearSectors } = recorder.history.judge();
    const checkedMs = Math.round(performance.now() - startedMs);
    for (const line of countLines(recorder)) console.log(`      ${line}`);
    console.log(
      `      ${recorder.history.operations} operations judged in ${checkedMs} ms, ` +
        `${unclearSectors} sectors unclear, ${violations.length} wrong`,
    );
    const told = violations.slice(0, violationsShownMax).map(({ sector, what }) => {
      const story = recorder.history.story(sector).map((line) => `  ${line}`);
      return [`sector ${sector}: ${what}; in microseconds:`, ...story].join('\n');
    });
    expect(told.join('\n')).to.equal('');
    for (const [kind, least] of leastOf)
      expect(recorder.counted(kind, 'done'), `requests to ${kind} that were done`).to.be.at.least(
        least,
      );
    const unclearMax = unclearShareMax * this.#areaSectors;
    expect(unclearSectors, 'sectors of which nothing can be said').to.be.at.most(unclearMax);
  }
}

function countLines(recorder: HistoryRecorder): readonly string[] {
  const kinds = requestKinds.map((kind) => {
    const rest = (['error', 'unanswered'] as const)
      .filter((outcome) => recorder.counted(kind, outcome) > 0)
      .map((outcome) => `, ${recorder.counted(kind, outcome)} ${outcome}`);
    return `${kind} ${recorder.counted(kind, 'done')}${rest.join('')}`;
  });
  const errors = [...recorder.errors].map(([message, times]) => `${times} x ${message}`);
  return [
    `${kinds.join('; ')}; ${recorder.reconnects} reconnects`,
    ...(errors.length > 0 ? [`errors: ${errors.join('; ')}`] : []),
  ];
}

/** The parts of an NBD URI, as in `nbd://127.0.0.1:10809/vol0`. */
export function placeOf(uri: string): { at: ListenAt; exportName: string } {
  const { hostname, port, pathname } = new URL(uri);
  return {
    at: { host: hostname, port: Number(port) },
    exportName: decodeURIComponent(pathname.slice(1)),
  };
}
