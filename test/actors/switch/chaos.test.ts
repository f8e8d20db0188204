/**
 * A host that retries, a fabric that loses, repeats and reorders, disks that are slow: whatever happens, each write is
 * carried out once, in the order of its number, on all mirrors before it is acknowledged, and nothing stays held. That
 * holds beside a resync, too, after which the mirror has what it missed and what was written.
 */
import { expect } from 'chai';
import type { ResyncReport } from '../../../actors/switch/resyncs.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import { blockBytes, mebibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { mirrorSetsWith } from './resyncing-world.ts';
import { loadOf, SwitchWorld, type ToDisk } from './switch-world.ts';

const writesPerRun = 120;
const depth = 12;
const sectors = 64;
const extentBlock = mebibyte / blockBytes;

interface HostWrite {
  request: Request;
  ended: boolean;
}

class Chaos {
  // So that a resync lasts as long as the writes.
  readonly world = new SwitchWorld({ resyncBytesPerSecond: blockBytes });
  readonly #random: SeededRandom;
  readonly #isResyncing: boolean;
  /** Of the hot blocks, before the first write. */
  readonly #initial = new Uint8Array(sectors * 512);
  readonly #writes: HostWrite[] = [];
  /** On their way somewhere: run when it pleases chance. */
  #underWay: (() => void)[] = [];
  readonly #numbers = new Map<number, number>();
  readonly #order: Request[] = [];

  constructor(seed: number, isResyncing: boolean) {
    this.#random = new SeededRandom(seed);
    this.#isResyncing = isResyncing;
    if (!isResyncing) this.world.serve();
    else {
      this.#spoil();
      this.world.command('load', loadOf({ mirrorSets: mirrorSetsWith('in-sync', 'resyncing') }));
    }
  }

  /** Gives the hot blocks any contents and tags, some of them the same on both mirrors. */
  #spoil(): void {
    const drawn = (from: number, count: number) => from + this.#random.integer(count);
    for (let block = 0; block * blockBytes < this.#initial.length; block++) {
      const isEqual = this.#random.integer(2) === 0;
      const tag = { epoch: 4, writeNumber: drawn(1, 2) };
      const bytes = new Uint8Array(blockBytes).fill(drawn(200, 50));
      this.#initial.set(bytes, block * blockBytes);
      this.world.disk('d1').put(extentBlock + block, bytes, tag);
      const other = isEqual ? tag : { epoch: drawn(3, 3), writeNumber: drawn(1, 2) };
      const otherBytes = isEqual ? bytes : new Uint8Array(blockBytes).fill(drawn(200, 50));
      this.world.disk('d2').put(extentBlock + block, otherBytes, other);
    }
  }

  run(): void {
    for (let step = 0; step < 20_000 && !this.#done(); step++) {
      this.#submit();
      this.#deliverSome();
      this.#collect();
      if (this.#random.integer(8) === 0) this.#retry();
      this.world.clock.runFor(this.#random.integer(12));
      this.#collect();
    }
    expect(this.#done(), 'every write ends').to.equal(true);
    this.#check();
  }

  #done(): boolean {
    const [volume] = this.world.switch.facts().volumes as readonly { resync: ResyncReport }[];
    const areWritten =
      this.#writes.length === writesPerRun && this.#writes.every(({ ended }) => ended);
    return areWritten && volume?.resync.isDone === true;
  }

  #submit(): void {
    const open = this.#writes.filter(({ ended }) => !ended).length;
    if (open >= depth || this.#writes.length === writesPerRun) return;
    const first = this.#random.integer(sectors);
    const count = 1 + this.#random.integer(Math.min(24, sectors - first));
    const changes = { offset: first * 512, lengthBytes: count * 512 };
    const write = { request: this.world.request(changes), ended: false };
    this.#writes.push(write);
    this.#send(write);
  }

  #retry(): void {
    const open = this.#writes.filter(({ ended }) => !ended);
    const write = open[this.#random.integer(Math.max(1, open.length))];
    if (write === undefined) return;
    write.request = { ...write.request, attempt: write.request.attempt + 1 };
    this.#send(write);
  }

  #send({ request }: HostWrite): void {
    const lowest = this.#writes.find(({ ended }) => !ended)?.request.ioNumber;
    const watermark = lowest ?? request.ioNumber;
    this.#travel(() => this.world.arrive({ ...request, watermark }));
  }

  /** Lets something happen some time, never, or twice. */
  #travel(happen: () => void): void {
    const fate = this.#random.integer(10);
    if (fate > 0) this.#underWay.push(happen);
    if (fate > 7) this.#underWay.push(happen);
  }

  #deliverSome(): void {
    for (let count = this.#random.integer(6); count > 0 && this.#underWay.length > 0; count--) {
      const [happen] = this.#underWay.splice(this.#random.integer(this.#underWay.length), 1);
      happen?.();
      this.#collect();
    }
  }

  #collect(): void {
    for (const frame of this.world.takeToDisks()) {
      this.#note(frame);
      this.#travel(() => {
        const { request, data } = frame;
        const reply = this.world.disk(request.disk).answer(request, data);
        this.#travel(() => this.world.reply(request, reply));
      });
    }
    for (const { reply } of this.world.takeReplies()) {
      const { outcome, ioNumber, attempt, writeNumber } = reply;
      if (outcome.status !== Status.ok) continue;
      const write = this.#writes.find(({ request }) => request.ioNumber === ioNumber);
      if (write === undefined || write.request.attempt !== attempt) continue;
      write.ended = true;
      this.#checkAcknowledged(write.request, writeNumber);
    }
  }

  #note({ request }: ToDisk): void {
    if (request.host === '' || request.operation === Operation.marks) return;
    const known = this.#numbers.get(request.ioNumber);
    if (known === undefined) {
      this.#numbers.set(request.ioNumber, request.writeNumber);
      this.#order.push(request);
    } else expect(request.writeNumber, 'one number for one write').to.equal(known);
  }

  /** All mirrors have it, or something newer. */
  #checkAcknowledged(request: Request, writeNumber: number): void {
    for (const block of blocksOf(request))
      for (const disk of ['d1', 'd2'])
        expect(this.world.disk(disk).tagOf(extentBlock + block)[1]).to.be.at.least(writeNumber);
  }

  #check(): void {
    const numbers: readonly number[] = this.#order.map(({ writeNumber }) => writeNumber);
    // Copies have numbers, too.
    const expected = this.#isResyncing
      ? numbers.toSorted((one, other) => one - other)
      : numbers.map((_, index) => index + 1);
    expect(numbers).to.deep.equal(expected);
    const bytes = this.#initial;
    for (const { offset, lengthBytes, ioNumber } of this.#order)
      bytes.fill(ioNumber, offset, offset + lengthBytes);
    for (let block = 0; block < (sectors * 512) / blockBytes; block++)
      for (const disk of ['d1', 'd2'])
        expect(
          Buffer.compare(
            this.world.disk(disk).bytesOf(extentBlock + block),
            bytes.subarray(block * blockBytes, (block + 1) * blockBytes),
          ),
          `block ${block} of ${disk}`,
        ).to.equal(0);
    const { coordinators, counters } = this.world.switch.facts() as {
      coordinators: readonly { open: number; mode: string }[];
      counters: { openCalls: number };
    };
    expect(coordinators[0]).to.include({ open: 0, mode: 'serving' });
    expect(counters.openCalls, 'no frame is kept').to.equal(0);
    this.world.write({ offset: 0, lengthBytes: 32_768 });
    expect(this.world.takeToDisks(), 'no block is held').to.have.length(2);
  }
}

function blocksOf({ offset, lengthBytes }: { offset: VolumeOffset; lengthBytes: number }) {
  const blocks: number[] = [];
  const end = unitOf<VolumeOffset>(offset + lengthBytes);
  for (let block = Math.floor(offset / blockBytes); block * blockBytes < end; block++)
    blocks.push(block);
  return blocks;
}

describe('a coordinator in chaos', () => {
  for (let seed = 1; seed <= 12; seed++)
    it(`carries each write out once, in order, on all mirrors (seed ${seed})`, () => {
      new Chaos(seed, false).run();
    }).timeout(20_000);

  for (let seed = 21; seed <= 28; seed++)
    it(`does so beside a resync, which loses nothing (seed ${seed})`, () => {
      new Chaos(seed, true).run();
    }).timeout(20_000);
});
