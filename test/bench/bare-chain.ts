/**
 * The yardstick of the benchmarks (DESIGN §10): the messages of an I/O through NATS, and nothing else. Host, switch
 * and two disks are processes of their own, on a server of their own; no frame is decoded, nothing is stored.
 * A read is host → switch → disk → host with 4 KiB in the last message; a mirrored write is host → switch → both
 * disks → switch → host with 4 KiB in the first three.
 *
 * By itself: `node dist/test/bench/bare-chain.js [--seconds 3] [--nats URL] [--json]`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connectNatsBus } from '../../cluster/nats/bus.ts';
import { startNatsServer } from '../../cluster/nats/server.ts';
import { createPinoLog } from '../../cluster/pino-log.ts';
import type { Bus } from '../../protocols/ports.ts';

export interface ChainResult {
  readonly iosPerSecond: number;
  readonly latencyMsMedian: number;
  readonly latencyMsP99: number;
}

export interface BareChainResult {
  readonly read: { readonly depth1: ChainResult; readonly depth32: ChainResult };
  readonly write: { readonly depth1: ChainResult; readonly depth32: ChainResult };
}

export interface BareChainOptions {
  /** How long each of the four measurements takes, besides warming up. */
  readonly seconds: number;
  /** A server that runs already; left out: one of its own. */
  readonly natsUrl?: string;
}

const payloadBytes = 4096;
/** About the size of a frame's header. */
const headerBytes = 64;
const depthMax = 32;
const mirrorCount = 2;
const warmUpSeconds = 0.5;

const chain = 'san.v1.bench';
const readAtSwitch = `${chain}.io.switch.s1.read`;
const writeAtSwitch = `${chain}.io.switch.s1.write`;
const ackAtSwitch = `${chain}.rpl.switch.s1`;
const atHost = `${chain}.rpl.hba.h1`;
const readAtDisk = (disk: string) => `${chain}.io.disk.${disk}.read`;
const writeAtDisk = (disk: string) => `${chain}.io.disk.${disk}.write`;
const disks = ['d1', 'd2'] as const;

/** Runs the four measurements, one behind the other, and ends all processes that it started. */
export async function measureBareChain(options: BareChainOptions): Promise<BareChainResult> {
  const folder = await mkdtemp(join(tmpdir(), 'sanctor-bare-chain-'));
  const { natsUrl } = options;
  const server =
    natsUrl === undefined ? await startNatsServer({ dataDir: folder, jetstream: false }) : null;
  const url = natsUrl ?? server?.url ?? '';
  const children: ChildProcess[] = [];
  try {
    for (const role of ['switch', ...disks]) children.push(await startRole(role, url));
    const bus = await connectAs('host', url);
    const host = new HostEnd(bus);
    const measure = async (subject: string, lengthBytes: number) => ({
      depth1: await host.measure(subject, lengthBytes, 1, options.seconds),
      depth32: await host.measure(subject, lengthBytes, depthMax, options.seconds),
    });
    const read = await measure(readAtSwitch, headerBytes);
    const write = await measure(writeAtSwitch, headerBytes + payloadBytes);
    await new Promise<void>((resolve) => bus.close(resolve));
    return { read, write };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The host's end: `depth` I/Os at any time, each begun again when it ends. The slot is in the first four bytes. */
class HostEnd {
  readonly #bus: Bus;
  readonly #replySubjects = Array.from({ length: depthMax }, (_, slot) => `${atHost}.${slot}`);
  readonly #startedMs = new Float64Array(depthMax);
  #frames: Uint8Array[] = [];
  #subject = '';
  #latenciesMs: number[] = [];
  #running = false;

  constructor(bus: Bus) {
    this.#bus = bus;
    bus.subscribe(`${atHost}.*`, {
      message: (data) => this.#ended(data[0] ?? 0),
      noResponders: (subject) => {
        throw new Error(`nobody answers ${subject}`);
      },
    });
  }

  async measure(
    subject: string,
    lengthBytes: number,
    depth: number,
    seconds: number,
  ): Promise<ChainResult> {
    this.#subject = subject;
    this.#frames = Array.from({ length: depth }, (_, slot) => {
      const frame = new Uint8Array(lengthBytes);
      frame[0] = slot;
      return frame;
    });
    this.#running = true;
    for (let slot = 0; slot < depth; slot++) this.#begin(slot);
    await pause(warmUpSeconds);
    this.#latenciesMs = [];
    const startMs = performance.now();
    await pause(seconds);
    const latenciesMs = this.#latenciesMs;
    const tookSeconds = (performance.now() - startMs) / 1000;
    this.#running = false;
    await pause(warmUpSeconds);
    latenciesMs.sort((one, other) => one - other);
    const at = (share: number) => latenciesMs[Math.floor(latenciesMs.length * share)] ?? Number.NaN;
    return {
      iosPerSecond: latenciesMs.length / tookSeconds,
      latencyMsMedian: at(0.5),
      latencyMsP99: at(0.99),
    };
  }

  #begin(slot: number): void {
    const frame = this.#frames[slot];
    if (frame === undefined) return;
    this.#startedMs[slot] = performance.now();
    this.#bus.publish(this.#subject, frame, this.#replySubjects[slot]);
  }

  #ended(slot: number): void {
    this.#latenciesMs.push(performance.now() - (this.#startedMs[slot] ?? 0));
    if (this.#running) this.#begin(slot);
  }
}

function runSwitch(bus: Bus): void {
  const replyTo = new Array<string>(depthMax).fill('');
  const missing = new Uint8Array(depthMax);
  const ownReplies = Array.from({ length: depthMax }, (_, slot) => `${ackAtSwitch}.${slot}`);
  bus.subscribe(readAtSwitch, {
    message: (data, _subject, replySubject) => {
      bus.publish(readAtDisk(disks[(data[0] ?? 0) % mirrorCount] ?? 'd1'), data, replySubject);
    },
  });
  bus.subscribe(writeAtSwitch, {
    message: (data, _subject, replySubject) => {
      const slot = data[0] ?? 0;
      replyTo[slot] = replySubject;
      missing[slot] = mirrorCount;
      for (const disk of disks) bus.publish(writeAtDisk(disk), data, ownReplies[slot]);
    },
  });
  bus.subscribe(`${ackAtSwitch}.*`, {
    message: (data) => {
      const slot = data[0] ?? 0;
      const left = (missing[slot] ?? 0) - 1;
      missing[slot] = left;
      if (left === 0) bus.publish(replyTo[slot] ?? '', data);
    },
  });
}

function runDisk(bus: Bus, disk: string): void {
  const answers = Array.from({ length: depthMax }, (_, slot) => {
    const answer = new Uint8Array(headerBytes + payloadBytes);
    answer[0] = slot;
    return answer;
  });
  const acks = answers.map((answer) => answer.subarray(0, headerBytes));
  const none = new Uint8Array();
  bus.subscribe(readAtDisk(disk), {
    message: (data, _subject, replySubject) => {
      bus.publish(replySubject, answers[data[0] ?? 0] ?? none);
    },
  });
  bus.subscribe(writeAtDisk(disk), {
    message: (data, _subject, replySubject) => {
      bus.publish(replySubject, acks[data[0] ?? 0] ?? none);
    },
  });
}

const roleVariable = 'SANCTOR_BARE_CHAIN_ROLE';
const urlVariable = 'SANCTOR_BARE_CHAIN_NATS';

/** Starts this file once more as one of the ends; resolves when it listens. */
function startRole(role: string, url: string): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, [roleVariable]: role, [urlVariable]: url };
    const child = fork(fileURLToPath(import.meta.url), [], { env });
    child.once('message', () => resolve(child));
    child.once('exit', (code) => reject(new Error(`the bench's ${role} ended with code ${code}`)));
  });
}

async function runRole(role: string, url: string): Promise<void> {
  const bus = await connectAs(role, url);
  // An end must not outlive the bench, however that ended.
  process.on('disconnect', () => process.exit(0));
  if (role === 'switch') runSwitch(bus);
  else runDisk(bus, role);
  bus.subscribe(`${chain}.ready.${role}`, { message: () => process.send?.('ready') });
  bus.publish(`${chain}.ready.${role}`, new Uint8Array());
}

function connectAs(role: string, url: string): Promise<Bus> {
  const log = createPinoLog({ name: `bare-chain-${role}`, level: 'warn' });
  return connectNatsBus({ servers: url, name: `bare-chain/${role}`, log, waitForServer: false });
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

function lineOf(what: string, result: ChainResult): string {
  const ios = Math.round(result.iosPerSecond).toLocaleString('en').padStart(8);
  const median = result.latencyMsMedian.toFixed(3);
  return `${what.padEnd(24)} ${ios} I/O per s   median ${median} ms   p99 ${result.latencyMsP99.toFixed(3)} ms`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '3' },
      nats: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0))
    throw new RangeError(`--seconds ${values.seconds}: a number above 0 is needed`);
  const natsUrl = values.nats;
  const result = await measureBareChain(natsUrl === undefined ? { seconds } : { seconds, natsUrl });
  const lines = values.json
    ? [JSON.stringify(result)]
    : [
        lineOf('read 4 KiB, depth 1', result.read.depth1),
        lineOf('read 4 KiB, depth 32', result.read.depth32),
        lineOf('write 4 KiB ×2, depth 1', result.write.depth1),
        lineOf('write 4 KiB ×2, depth 32', result.write.depth32),
      ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

const role = process.env[roleVariable];
if (role !== undefined) await runRole(role, process.env[urlVariable] ?? '');
else if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
