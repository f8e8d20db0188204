/**
 * Plays a session on a server of its own, beside a neighbour who does nothing wrong, and judges it: nothing is thrown,
 * nothing is answered or done that was not asked, no limit is broken, nothing is left behind, nobody is disturbed.
 */
import type { NbdExport } from '../../../cluster/nbd/exports.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { chunkHeaderBytes } from '../../../protocols/nbd/transmission.ts';
import { type Conversation, type Count, judgeConversation } from './conversation.ts';
import { chunkBytesMax, FuzzedConnection } from './fuzzed-connection.ts';
import { ioBytesMax, limits, sizeBytes } from './ground.ts';
import { commandName } from './names.ts';
import { Neighbour } from './neighbour.ts';
import type { Plan, Step } from './plan.ts';
import { WatchedShares, type WatchedView, WatchedVolume } from './watched-volume.ts';

/** Head and message of a reply, without a READ's data. */
const replyHeadBytesMax = chunkHeaderBytes + 160;
/** What a session may hold unread: as much as it may read ahead, or one request, and the chunk that went over it. */
const heldBytesMax = Math.max(limits.readAheadBytesMax, ioBytesMax + 28) + chunkBytesMax;
/** What may wait for a client that takes nothing: the limit, and what was under way when it was reached. */
const unsentBytesMax =
  limits.unsentBytesMax * 2 +
  Math.max(limits.inFlightBytesMax, ioBytesMax) +
  (limits.requestsMax + 1) * replyHeadBytesMax;

/** A connection that enters waits for two turns of those that are there (arrival-order.ts). */
const quietTurnsEnough = 3;

/** A server with its volumes and one client who stays. */
export class Server {
  readonly #memory = new WatchedVolume({ name: 'memory', sizeBytes, ioBytesMax });
  readonly #other = new WatchedVolume({
    name: 'other',
    sizeBytes,
    ioBytesMax,
    logicalBlockBytes: 4096,
  });
  readonly #shares = new WatchedShares();
  readonly #neighbour: Neighbour;
  #complaints: string[] = [];

  constructor() {
    const volume = this.#memory.view(this.#complain);
    const catalogue = { list: () => [{ name: 'memory', volume }] };
    this.#neighbour = new Neighbour(this.#memory, { catalogue, limits, shares: this.#shares });
  }

  /** @returns what is wrong, or null; `count` hears what was met */
  play(plan: Plan, count: Count): string | null {
    try {
      return this.#play(plan, count);
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  }

  readonly #complain = (what: string): void => void this.#complaints.push(what);

  #play(plan: Plan, count: Count): string | null {
    this.#complaints = [];
    const memory = this.#memory.view(this.#complain);
    const frozen = this.#memory.view(this.#complain, 'only read');
    const other = this.#other.view(this.#complain);
    const views = [memory, frozen, other];
    const exports: readonly NbdExport[] = [
      { name: 'memory', volume: memory, zeroesFast: true, description: 'for everybody' },
      { name: 'frozen', volume: frozen, readOnly: true },
      { name: 'other', volume: other },
    ];
    const catalogue = { list: () => exports };
    const connection = new FuzzedConnection({ catalogue, limits, shares: this.#shares });
    const clientBytes: Uint8Array[] = [];
    for (const step of plan.steps) {
      if (step.kind === 'bytes') clientBytes.push(step.bytes);
      this.#happen(step, connection, count);
      const problem = this.#complaints[0] ?? limitProblem(connection, views);
      if (problem !== null && problem !== undefined) return problem;
    }
    const isAlive = connection.isOpen;
    const isServed = plan.endsWell && isAlive && this.#endWell(connection);
    connection.lose();
    this.#memory.memory.endAll();
    this.#other.memory.endAll();
    const problem = this.#complaints[0] ?? this.#leftProblem(connection, views);
    if (problem !== null) return problem;
    const done = {
      successes: new Set(views.flatMap((view) => [...view.successes])),
      readResults: new Set(views.flatMap((view) => [...view.readResults])),
    };
    const said = {
      clientBytes: Buffer.concat(clientBytes),
      serverBytes: Buffer.concat(connection.sent),
      done,
    };
    const conversation = judgeConversation(said, count);
    count(endName(connection, conversation));
    if (conversation.options > limits.optionsMax)
      return `${conversation.options} options were answered`;
    return requestProblem(conversation, views, isServed) ?? this.#neighbour.problem();
  }

  #happen(step: Step, connection: FuzzedConnection, count: Count): void {
    count(`step ${step.kind}`);
    switch (step.kind) {
      case 'bytes':
        connection.arrive(step.bytes);
        return;
      case 'end': {
        const { pending } = this.#memory.memory;
        const volume = pending.length > 0 ? this.#memory.memory : this.#other.memory;
        if (volume.pending.length === 0) return;
        volume.end(step.which % volume.pending.length, step.status);
        break;
      }
      case 'stuck':
        connection.stick();
        return;
      case 'drain':
        connection.drain();
        return;
      case 'turn':
        this.#neighbour.connection.passTurn();
        connection.passTurn();
        return;
      case 'neighbour':
        this.#neighbour.write(step.offset, step.lengthBytes);
        return;
      case 'lost':
        connection.lose();
        return;
      case 'stop':
        if (connection.isOpen) connection.session.stop();
        break;
    }
    connection.run();
    this.#neighbour.connection.run();
  }

  /** All I/O ends and all replies are taken, until nothing happens any more. @returns whether the client is served */
  #endWell(connection: FuzzedConnection): boolean {
    connection.drain();
    let quietTurns = 0;
    while (quietTurns < quietTurnsEnough) {
      quietTurns++;
      for (const { memory } of [this.#memory, this.#other]) {
        if (memory.pending.length > 0) quietTurns = 0;
        memory.endAll();
      }
      this.#neighbour.connection.passTurn();
      connection.passTurn();
    }
    return connection.hungUp === undefined || connection.hungUp === null;
  }

  /** The connection is gone, and all I/O has ended. */
  #leftProblem(connection: FuzzedConnection, views: readonly WatchedView[]): string | null {
    const { unfinished, heldBytes } = connection.session;
    if (unfinished > 0) return `${unfinished} requests were left unfinished`;
    if (heldBytes > 0) return `${heldBytes} received bytes were kept`;
    if (views.some(({ open }) => open > 0)) return 'I/O was left open';
    const neighbours = this.#memory.share;
    if (neighbours.order.lanes !== 1 || neighbours.connections !== 1)
      return `the volume still knows ${neighbours.order.lanes} lanes, ${neighbours.connections} connections`;
    const { share } = this.#other;
    if (share.order.lanes + share.connections > 0) return 'the other volume keeps a connection';
    return null;
  }
}

function limitProblem(connection: FuzzedConnection, views: readonly WatchedView[]): string | null {
  const { heldBytesHighest, unfinishedHighest, unsentBytesHighest } = connection;
  if (unfinishedHighest > limits.requestsMax) return `${unfinishedHighest} requests were begun`;
  if (heldBytesHighest > heldBytesMax) return `${heldBytesHighest} bytes were read ahead`;
  if (unsentBytesHighest > unsentBytesMax) return `${unsentBytesHighest} bytes wait to be taken`;
  for (const { open, openPayloadBytes } of views) {
    if (open > limits.requestsMax) return `${open} I/Os are under way`;
    if (openPayloadBytes > limits.inFlightBytesMax && open > 1 && openPayloadBytes > ioBytesMax)
      return `${openPayloadBytes} bytes of ${open} I/Os are under way`;
  }
  return null;
}

/** Only what was asked is done, no success without the deed, and in the end everything is answered. */
function requestProblem(
  conversation: Conversation,
  views: readonly WatchedView[],
  isServed: boolean,
): string | null {
  const left = new Map<string, number>();
  for (const { deeds } of views)
    for (const [deed, times] of deeds) left.set(deed, (left.get(deed) ?? 0) + times);
  const { asked, succeeded } = conversation;
  const take = ({ deed }: Conversation['asked'][number]): boolean => {
    const times = deed === null ? 0 : (left.get(deed) ?? 0);
    if (deed !== null && times > 0) left.set(deed, times - 1);
    return times > 0;
  };
  // Guesses come last: they must not use up what others surely did.
  const surest = succeeded.toSorted((one, other) => +one.isAmbiguous - +other.isAmbiguous);
  for (const request of surest) {
    const isHint = request.command === nbd.NBD_CMD_CACHE && request.lengthBytes > ioBytesMax;
    const isDone = request.deed === null || take(request);
    if (!isDone && !isHint && !request.isAmbiguous)
      return `${request.deed} was answered and not done`;
  }
  const answered = new Set(succeeded);
  for (const request of asked) if (!answered.has(request)) take(request);
  for (const [deed, times] of left) if (times > 0) return `${deed} was done and not asked for`;
  if (!isServed || conversation.isBroken) return null;
  const forgotten = asked.find(({ answers, isWhole }) => isWhole && answers === 0);
  return forgotten === undefined ? null : `a ${commandName(forgotten.command)} got no answer`;
}

function endName(connection: FuzzedConnection, { phase }: Conversation): string {
  const { hungUp } = connection;
  if (hungUp === null) return `ended in ${phase}: goodbye`;
  return hungUp === undefined ? `ended in ${phase}: lost` : `ended in ${phase}: thrown out`;
}
