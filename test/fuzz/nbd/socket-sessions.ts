/**
 * Generated sessions over real sockets, TCP and unix, against a real server in this process, beside a client who does
 * nothing wrong. What the client got is judged as in the sessions without sockets, where its bytes are known.
 */
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type ListenAt, NbdServer } from '../../../cluster/nbd/server.ts';
import type { Log } from '../../../protocols/ports.ts';
import { MemoryVolume } from '../../cluster/nbd/memory-volume.ts';
import { TestClient } from '../../cluster/nbd/test-client.ts';
import { type Count, CutReply, judgeConversation } from './conversation.ts';
import { generatePlan } from './generate.ts';
import { exportNames, ioBytesMax, limits, sizeBytes } from './ground.ts';
import type { Plan } from './plan.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
/** An export that no session asks for. */
const keptName = 'kept';
/** A session whose end does not come by itself is cut: its client has nothing more to say. */
const silentMsMax = 12;
const endsWithinMs = 20_000;

export class SocketServer {
  readonly server: NbdServer;
  readonly #places: ListenAt[] = [];
  /** One client of the volume that the sessions use, and one of a volume that they do not know. */
  #neighbours: readonly TestClient[] = [];
  #checks = 0;

  constructor() {
    const [memory, frozen, other] = exportNames;
    const volume = new MemoryVolume({ name: memory, sizeBytes, ioBytesMax });
    const second = new MemoryVolume({ name: other, sizeBytes, ioBytesMax });
    const kept = new MemoryVolume({ name: keptName, sizeBytes, ioBytesMax });
    const exports = [
      { name: memory, volume },
      { name: frozen, volume, readOnly: true },
      { name: other, volume: second },
      { name: keptName, volume: kept },
    ];
    this.server = new NbdServer({ catalogue: { list: () => exports }, log: silent, limits });
  }

  /** Listens on TCP and on a unix socket in `folder`. */
  async start(folder: string): Promise<void> {
    for (const at of [{ port: 0 }, { path: join(folder, 'nbd.sock') }]) {
      const result = await new Promise<Parameters<Parameters<NbdServer['listen']>[1]>[0]>(
        (resolve) => this.server.listen(at, resolve),
      );
      if (result.outcome === 'failed') throw new Error(result.reason);
      this.#places.push(result.at);
    }
    const [tcp] = this.#places;
    if (tcp === undefined) throw new Error('it listens nowhere');
    this.#neighbours = [await TestClient.connect(tcp), await TestClient.connect(tcp)];
    const names = [exportNames[0], keptName];
    await Promise.all(this.#neighbours.map((client, index) => client.go(names[index] ?? '')));
  }

  /**
   * Plays one session on a socket of its own.
   *
   * @throws Error when the server said what it must not say, or did not end the session
   */
  async play(seed: string, session: number, count: Count): Promise<void> {
    const place = this.#places[session % this.#places.length];
    if (place === undefined) throw new Error('it listens nowhere');
    const plan = generatePlan(seed, session);
    const said = await converse(connect('port' in place ? { ...place } : place), plan);
    try {
      judgeConversation({ ...said, done: null }, count);
    } catch (error) {
      if (error instanceof CutReply) return;
      throw new Error(`session ${session} of seed ${seed}: ${String(error)}`, { cause: error });
    }
  }

  /** @throws Error when the clients beside the sessions are not served as they should be */
  async checkNeighbours(): Promise<void> {
    const check = this.#checks++;
    const bytes = new Uint8Array(512).fill(check);
    const offset = (check % 100) * bytes.length;
    const reads = await Promise.all(
      this.#neighbours.map(async (client) => {
        const written = await client.write(offset, bytes);
        const read = await client.read(offset, bytes.length);
        if (written.error + read.error !== 0) throw new Error('a neighbour is not served');
        return read.data;
      }),
    );
    const kept = reads[1];
    if (kept === undefined || Buffer.compare(kept, bytes) !== 0)
      throw new Error('a neighbour read other bytes than it had written');
  }

  async close(): Promise<void> {
    for (const client of this.#neighbours) client.close();
    await new Promise<void>((resolve) => this.server.close(resolve));
  }
}

interface SaidBytes {
  readonly clientBytes: Uint8Array;
  /** As far as it came in whole replies, when the client was cut off. */
  readonly serverBytes: Uint8Array;
}

/** Sends what the plan says, and ends as it says. */
async function converse(socket: Socket, plan: Plan): Promise<SaidBytes> {
  const received: Buffer[] = [];
  const sent: Uint8Array[] = [];
  socket.on('data', (chunk) => received.push(chunk));
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the session does not end')), endsWithinMs);
    socket.on('close', () => {
      clearTimeout(late);
      resolve();
    });
  });
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  for (const step of plan.steps) {
    if (socket.destroyed) break;
    if (step.kind === 'bytes') {
      sent.push(step.bytes);
      socket.write(step.bytes);
    } else if (step.kind === 'stuck') socket.pause();
    else if (step.kind === 'drain') socket.resume();
    else if (step.kind === 'lost') socket.destroy();
    else if (step.kind === 'turn') await new Promise((resolve) => setImmediate(resolve));
  }
  if (plan.endsWell) socket.resume();
  // A socket without news for a while has none: the client ends it, at once or in good order.
  socket.setTimeout(silentMsMax, () => (plan.endsWell ? socket.end() : socket.destroy()));
  await closed;
  return { clientBytes: Buffer.concat(sent), serverBytes: Buffer.concat(received) };
}
