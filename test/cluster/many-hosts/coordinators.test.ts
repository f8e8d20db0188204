/** Coordinator maps over several switches with several hosts (H4), on `two-tier.yaml`, every actor as it is. */
import { expect } from 'chai';
import { isWriting } from '../../../actors/switch/leg-request.ts';
import { Operation } from '../../../protocols/codes.ts';
import { partitionOf } from '../../../protocols/layout/regions.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { type SeenFrame, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

/** As shipped but small: vol0 of 6 MiB is shared by both hosts, vol1 of 4 MiB is for one. */
function twoTier(): Topology {
  return smallShippedTopology('two-tier.yaml', (plain) => ({
    ...plain,
    volumes: (plain.volumes as { id: string; coordinators: object }[]).map((volume) =>
      volume.id === 'vol0'
        ? { ...volume, size: '6MiB' }
        : {
            ...volume,
            size: '4MiB',
            coordinators: { ...volume.coordinators, bounds: ['2MiB'] },
          },
    ),
  }));
}

const toDisks = (frames: readonly SeenFrame[]) => frames.filter(({ kind }) => kind === 'disk');

/** The switch that the topology names for this place of a volume. */
function coordinatorAt(topology: Topology, volume: string, offset: number): string {
  const found = topology.volumes.find(({ id }) => id === volume);
  if (found === undefined) throw new Error(`no volume ${volume}`);
  return found.coordinators[partitionOf(found.coordinatorMap, offset as never)] ?? '';
}

describe('writes of many hosts', () => {
  const topology = twoTier();
  let san: SimulatedSan;
  beforeEach(() => {
    san = new SimulatedSan(topology);
    san.watchFrames();
  });
  afterEach(() => expect(san.stopAndCompare()).to.deep.equal([]));

  it('go to the coordinator of their place, by the map, from whichever host', () => {
    const ios = ['h1', 'h2'].flatMap((host) =>
      Array.from({ length: 12 }, (_, index) =>
        san.write(san.volume(host, 'vol0'), (index * mebibyte) / 2 + 4096, 8192, index),
      ),
    );
    const vol1 = san.volume('h1', 'vol1');
    ios.push(...[0, 1, 2, 3].map((at) => san.write(vol1, at * mebibyte, 8192, 9)));
    san.finish(...ios);
    const written = toDisks(san.frames).filter(({ request }) => isWriting(request.operation));
    for (const { request } of written)
      expect(request.replyId, `${request.volume} at ${request.offset}`).to.equal(
        coordinatorAt(topology, request.volume, request.offset),
      );
    const who = new Set(written.map(({ request }) => `${request.volume} ${request.replyId}`));
    expect(who).to.deep.equal(new Set(['vol0 s1', 'vol0 s2', 'vol1 s1', 'vol1 s3']));
    for (const disk of ['d1', 'd2', 'd3'])
      expect(
        written.filter(({ receiver, request }) => receiver === disk && request.volume === 'vol0')
          .length,
      ).to.equal(24);
  });

  it('reach a coordinator that lies behind another switch, which sends them on', () => {
    san.finish(san.write(san.volume('h1', 'vol1'), 3 * mebibyte, 4096, 7));
    const way = san.frames.filter(
      ({ kind, request }) =>
        kind === 'switch' &&
        request.operation === Operation.write &&
        request.extentGeneration === 0,
    );
    expect(way.map(({ link, receiver }) => `${link} ${receiver}`)).to.deep.equal([
      'h1-a-s1 s1',
      's1-s3 s3',
    ]);
    const legs = toDisks(san.frames).filter(({ request }) => request.operation === Operation.write);
    expect(legs.map(({ link }) => link).toSorted()).to.deep.equal(['s3-d3', 's3-d4']);
  });

  it('that overlap are ordered alike on every mirror, and all hosts read the last one', () => {
    const drivers = ['h1', 'h2'].map((host) => san.volume(host, 'vol0'));
    const ios = Array.from({ length: 60 }, (_, index) => {
      const driver = drivers[index % 2];
      if (driver === undefined) throw new Error('no host');
      if (index % 7 === 0) san.runFor(0.3);
      return san.write(driver, mebibyte - 8192 + (index % 3) * 4096, 8192, index + 1);
    });
    san.finish(...ios);
    const numbers = new Map<string, Set<string>>();
    for (const { receiver, request } of toDisks(san.frames)) {
      if (request.operation !== Operation.write) continue;
      const { partition, writeNumber, host, ioNumber } = request;
      const seen = numbers.get(receiver) ?? new Set();
      numbers.set(receiver, seen.add(`${partition}/${writeNumber}: ${host} ${ioNumber}`));
    }
    expect([...numbers.keys()].toSorted()).to.deep.equal(['d1', 'd2', 'd3']);
    for (const seen of numbers.values()) expect(seen).to.deep.equal(numbers.get('d1'));
    const reads = drivers.map((driver) => san.read(driver, mebibyte - 8192, 16_384));
    san.finish(...reads);
    expect(reads[0]?.bytes).to.deep.equal(reads[1]?.bytes);
  });

  it('are seen by the other host’s next read, for reads of a shared volume go by the coordinator too', () => {
    const [h1, h2] = [san.volume('h1', 'vol0'), san.volume('h2', 'vol0')];
    for (let value = 1; value <= 8; value++) {
      const offset = value * 3 * 65_536;
      san.finish(san.write(value % 2 === 0 ? h1 : h2, offset, 4096, value));
      const read = san.read(value % 2 === 0 ? h2 : h1, offset, 4096);
      san.finish(read);
      expect(read.bytes).to.deep.equal(Buffer.alloc(4096, value));
    }
    const reads = san.frames.filter(
      ({ kind, request }) =>
        kind === 'switch' && request.operation === Operation.read && request.extentGeneration === 0,
    );
    expect(reads).to.have.length(8);
    for (const { receiver, request } of reads)
      expect(receiver).to.equal(coordinatorAt(topology, 'vol0', request.offset));
  });
});
