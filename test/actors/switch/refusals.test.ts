/** Who may not write, and what they are told: each broken rule has its own code, for each has its own recovery. */
import { expect } from 'chai';
import { decodeJson } from '../../../actors/json.ts';
import { openIosMax } from '../../../actors/switch/coordinator.ts';
import { noData } from '../../../actors/switch/frame-data.ts';
import { rememberedIosMax } from '../../../actors/switch/known-ios.ts';
import { bringsMax } from '../../../actors/switch/refusals.ts';
import { Operation, Status, statusName } from '../../../protocols/codes.ts';
import { broughtDecisionSchema } from '../../../protocols/control-data.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { hostIncarnation, loadOf, SwitchWorld, switchIncarnation } from './switch-world.ts';

/** What the switch answers to a write with these fields; nothing may have reached a disk. */
function refusalOf(world: SwitchWorld, changes: Record<string, unknown>) {
  world.write(changes);
  expect(world.takeToDisks(), 'nothing reaches a disk').to.be.empty;
  const [answer, ...more] = world.takeReplies();
  expect(more).to.be.empty;
  return answer?.reply.outcome;
}

function serving(changes: Record<string, unknown> = {}): SwitchWorld {
  return new SwitchWorld().serve(changes);
}

describe('a coordinator refuses', () => {
  it('a write made under another generation', () => {
    for (const generation of [9, 11])
      expect(refusalOf(serving(), { generation })).to.deep.equal({
        status: Status.staleGeneration,
        detail: { generation: 10 },
      });
  });

  it('an older generation with what was decided since, a few times, to hosts that are attached', () => {
    const world = serving();
    const broughtTo = (changes: Record<string, unknown>) => {
      world.write(changes);
      const [answer] = world.takeReplies();
      const { bytes } = answer?.data ?? noData;
      return bytes.length === 0 ? null : broughtDecisionSchema.parse(decodeJson(bytes));
    };
    const { switchIncarnation: _, ...decision } = loadOf();
    for (let time = 0; time < bringsMax; time++)
      expect(broughtTo({ generation: 9 })).to.deep.equal(decision);
    expect(broughtTo({ generation: 9 }), 'enough').to.equal(null);
    expect(broughtTo({ generation: 11 }), 'it is the switch that lacks it').to.equal(null);
    world.serve({ generation: 12 });
    expect(broughtTo({ generation: 10, host: 'h2' }), 'no business of h2').to.equal(null);
    expect(broughtTo({ generation: 10 })).to.deep.equal({ ...decision, generation: 12 });
    const read = { operation: Operation.read, disk: 'd2', generation: 10 };
    expect(broughtTo(read), 'with a read').to.deep.equal({ ...decision, generation: 12 });
  });

  it('a partition that another switch coordinates, and names that switch', () => {
    const partitions = loadOf().partitions.map((record) =>
      record.partition === 1 ? { ...record, coordinator: 's2' } : record,
    );
    const world = serving({ partitions });
    expect(refusalOf(world, { offset: mebibyte })).to.deep.equal({
      status: Status.notCoordinator,
      detail: { partition: 1, coordinator: 's2', epoch: 21 },
    });
    world.write({ offset: 0 });
    expect(world.runDisks()).to.have.length(1);
  });

  it('a partition that it coordinated in an earlier life', () => {
    const partitions = loadOf().partitions.map((record) => ({ ...record, ownerIncarnation: 5 }));
    expect(refusalOf(serving({ partitions }), {})?.status).to.equal(Status.notCoordinator);
  });

  it('another epoch of the partition, older or newer', () => {
    for (const partitionEpoch of [19, 21])
      expect(refusalOf(serving(), { partitionEpoch })).to.deep.equal({
        status: Status.fenced,
        detail: { number: 'partitionEpoch', current: 20 },
      });
  });

  it('another incarnation of the owner', () => {
    expect(refusalOf(serving(), { ownerIncarnation: 78 })).to.deep.equal({
      status: Status.fenced,
      detail: { number: 'ownerIncarnation', current: switchIncarnation },
    });
  });

  it('another attach epoch, or another process of the host', () => {
    for (const changes of [{ attachEpoch: 29 }, { hostIncarnation: hostIncarnation + 1 }])
      expect(refusalOf(serving(), changes)).to.deep.equal({
        status: Status.fenced,
        detail: { number: 'attachEpoch', current: 30 },
      });
  });

  it('a host that is not attached, and one that may only read', () => {
    expect(refusalOf(serving(), { host: 'h2' })?.status).to.equal(Status.masked);
    expect(refusalOf(serving(), { host: '' })?.status, 'nor nobody').to.equal(Status.masked);
    const attachments = loadOf().attachments.map((record) => ({ ...record, readOnly: true }));
    expect(refusalOf(serving({ attachments }), {})?.status).to.equal(Status.masked);
  });

  it('an I/O below the highest watermark that it has seen', () => {
    const world = serving();
    world.write({ ioNumber: 50, watermark: 40 });
    world.runDisks();
    expect(refusalOf(world, { ioNumber: 39, watermark: 0, offset: 8192 })).to.deep.equal({
      status: Status.fenced,
      detail: { number: 'watermark', current: 40 },
    });
    world.write({ ioNumber: 40, watermark: 0, offset: 8192 });
    expect(world.runDisks()).to.have.length(1);
  });

  it('in the order that says the most: generation, partition, attachment, watermark, range', () => {
    const world = serving();
    world.write({ ioNumber: 50, watermark: 40 });
    world.runDisks();
    const broken: Record<string, unknown> = {
      generation: 9,
      partitionEpoch: 19,
      attachEpoch: 29,
      ioNumber: 7,
      lengthBytes: 8 * mebibyte,
      operation: Operation.trim,
    };
    const mended = { generation: 10, partitionEpoch: 20, attachEpoch: 30, ioNumber: 60 };
    const told: unknown[] = [];
    for (const [field, value] of [...Object.entries(mended), ['', 0] as const]) {
      const outcome = refusalOf(world, { offset: 4096, ...broken });
      const { number = '' } = (outcome?.detail ?? {}) as { number?: string };
      told.push(`${outcome === undefined ? '' : statusName(outcome.status)} ${number}`);
      broken[field] = value;
    }
    expect(told).to.deep.equal([
      'staleGeneration ',
      'fenced partitionEpoch',
      'fenced attachEpoch',
      'fenced watermark',
      'range ',
    ]);
  });

  it('a range that is not of its partition, or not in the volume', () => {
    const world = serving();
    expect(refusalOf(world, { offset: 0, partition: 1, partitionEpoch: 21 })?.status).to.equal(
      Status.invalid,
    );
    expect(refusalOf(world, { offset: 0, partition: 7 })?.status).to.equal(Status.invalid);
    const last = { offset: 4 * mebibyte - 4096, lengthBytes: 8192 };
    expect(refusalOf(world, last)?.status).to.equal(Status.range);
    expect(refusalOf(world, { lengthBytes: 0 })?.status).to.equal(Status.range);
  });

  it('another I/O under a number that is in use', () => {
    const world = serving();
    const write = world.write({ offset: 0 });
    world.takeToDisks();
    expect(refusalOf(world, { ioNumber: write.ioNumber, offset: 4096 })?.status).to.equal(
      Status.invalid,
    );
  });

  it('more than it can hold, with busy, and takes more when some have ended', () => {
    const world = serving();
    for (let count = 0; count < openIosMax; count++) world.write({ offset: 0 });
    const frames = world.takeToDisks();
    expect(refusalOf(world, { offset: 0 })?.status).to.equal(Status.busy);
    for (const frame of frames) world.answer(frame);
    world.write({ offset: 8192 });
    expect(world.takeReplies()[0]?.reply.outcome.status).to.equal(Status.ok);
    expect(world.runDisks()).to.have.length(openIosMax);
  });

  it('numbers too far above the watermark, with busy, until the watermark rises', () => {
    const world = serving();
    world.write({ ioNumber: 1, watermark: 1 });
    world.runDisks();
    const ioNumber = 1 + rememberedIosMax;
    expect(refusalOf(world, { ioNumber, watermark: 1 })?.status).to.equal(Status.busy);
    world.write({ ioNumber, watermark: 2 });
    expect(world.runDisks()).to.have.length(1);
  });

  it('with not-loaded what it does not know, and counts all that it refuses', () => {
    const world = new SwitchWorld();
    expect(refusalOf(world, {})).to.deep.equal({
      status: Status.notLoaded,
      detail: { volume: 'vol0' },
    });
    world.serve();
    expect(refusalOf(world, { volume: 'vol1' })?.status).to.equal(Status.notLoaded);
    refusalOf(world, { generation: 1 });
    const { counters } = world.switch.facts() as { counters: { refusals: unknown } };
    expect(counters.refusals).to.deep.equal({ notLoaded: 2, staleGeneration: 1 });
  });

  it('everything while it is not settled, with busy', () => {
    const world = new SwitchWorld();
    world.command('load', loadOf());
    world.takeToDisks();
    expect(refusalOf(world, {})).to.deep.equal({
      status: Status.busy,
      detail: { retryAfterMs: 50 },
    });
  });
});

describe('reads at a virtualizing switch', () => {
  const read = { operation: Operation.read, disk: 'd2' };

  it('are addressed to the copy that the host chose, and sent on over its route', () => {
    const world = serving();
    world.write({ ...read, offset: 65_536 * 2 + 512, lengthBytes: 1024, route: ['s1-d2'] });
    const [frame] = world.takeToDisks();
    expect(frame?.sent.subject).to.equal('san.v1.lab.io.disk.d2.s1-d2');
    expect(frame?.request).to.deep.include({
      disk: 'd2',
      diskOffset: mebibyte + 65_536 + 512,
      extentGeneration: 5,
      mirrorSet: 'm0',
      eventCount: 2,
      replyKind: 'hba',
      replyId: 'h1-a',
      replySlot: 9,
      route: [],
    });
  });

  it('take the best way known here when they bring no route', () => {
    const world = serving();
    world.write(read);
    expect(world.takeToDisks()[0]?.link).to.equal('s1-d2');
  });

  it('obey the same numbers', () => {
    const world = serving();
    expect(refusalOf(world, { ...read, generation: 9 })?.status).to.equal(Status.staleGeneration);
    expect(refusalOf(world, { ...read, attachEpoch: 29 })?.status).to.equal(Status.fenced);
    expect(refusalOf(world, { ...read, host: 'h9' })?.status).to.equal(Status.masked);
    expect(refusalOf(world, { ...read, disk: 'd3' })?.status).to.equal(Status.invalid);
    expect(refusalOf(world, { ...read, offset: 4 * mebibyte })?.status).to.equal(Status.range);
    expect(refusalOf(world, { ...read, operation: Operation.tags })?.status).to.equal(
      Status.invalid,
    );
  });

  it('never go to a mirror that is not in sync, and writes neither', () => {
    const mirrorSets = loadOf().mirrorSets.map((record) => ({
      ...record,
      mirrors: ['in-sync', 'stale'],
    }));
    const world = serving({ mirrorSets });
    expect(refusalOf(world, read)?.status).to.equal(Status.invalid);
    world.write({});
    expect(world.takeToDisks().map(({ request }) => request.disk)).to.deep.equal(['d1']);
  });
});
