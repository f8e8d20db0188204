import { expect } from 'chai';
import { verbs } from '../../../protocols/commands.ts';
import { smallTopology, VirtualizerWorld } from './virtualizer-world.ts';

/** What a complete assembly looks like: each kind of step is over before the next begins. */
const phases = ['write', 'assemble', 'load', 'settled', 'control'];

function expectOrder(entries: readonly string[], generation: number): void {
  const own = entries.filter((entry) => entry.includes(` g${generation}`));
  const order = own
    .filter((entry) => !entry.endsWith('assembling'))
    .map((entry) => phases.indexOf(entry.split(' ')[0] ?? ''));
  expect(new Set(order), own.join('\n')).to.deep.equal(new Set([0, 1, 2, 3, 4]));
  expect(order, own.join('\n')).to.deep.equal(order.toSorted());
}

describe('virtualizer: assembling a volume', () => {
  it('brings everything up: the record is written, then disks, then switches, then mirrors are equal, then hosts are told', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const { generation, attachments, lastEpoch } = world.record();
    expect(attachments.map(({ host }) => host)).to.deep.equal(['h1']);
    const first = world.diary.indexOf(`write volume.vol0 g${generation}`);
    expectOrder(world.since(first), generation);
    const disks = world.since(first).filter((entry) => entry.startsWith('assemble'));
    expect(new Set(disks).size).to.equal(4);
    expect(world.host('h1').attachEpoch('vol0')).to.be.within(1, lastEpoch);
  });

  it('does so in whatever order the actors come', () => {
    const orders = [
      ['h1', 's1', 's2', 'd1', 'd2', 'd3', 'd4'],
      ['d4', 'd3', 'h1', 'd2', 'd1', 's2', 's1'],
      ['s1', 'd1', 'h1', 'd2', 's2', 'd3', 'd4'],
    ];
    for (const order of orders)
      for (const place of [0, 3, order.length]) {
        const world = new VirtualizerWorld();
        order.forEach((id, index) => {
          if (index === place) world.startVirtualizer();
          world.start(id);
          if (id === 'h1') world.host('h1').attach('vol0');
          world.run(700);
        });
        if (place === order.length) world.startVirtualizer();
        world.until(() => world.host('h1').isAttached('vol0'), `${order} with ${place}`);
      }
  });

  it('serves a host within a tenth of a second once everybody is there', () => {
    const world = new VirtualizerWorld();
    world.start('d1', 'd2', 'd3', 'd4', 's1', 's2', 'h1');
    world.startVirtualizer();
    world.untilState('serving');
    const asked = world.clock.now();
    world.host('h1').attach('vol0');
    world.until(() => world.host('h1').isAttached('vol0'), 'h1 is attached');
    expect(world.clock.now() - asked).to.be.below(100);
  });

  it('waits for a missing disk, and says so', () => {
    const world = new VirtualizerWorld();
    world.startVirtualizer();
    world.start('d1', 'd2', 'd4', 's1', 's2');
    world.run(4000);
    const { state, reason } = world.status();
    expect(state).to.equal('gathering.looking');
    expect(reason).to.equal('disk d3 is missing: it was not heard of');
    expect(world.database.values.has('volume.vol0')).to.equal(false);
    world.start('d3');
    world.untilState('serving');
    expect(world.status().reason).to.equal('');
  });

  it('makes the cluster an identity once, and steps the control epoch at each start', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const identity = world.facts().clusterIdentity;
    expect(identity).to.match(/^[0-9a-f]{32}$/);
    expect(world.medium('d1').clusterIdentity).to.equal(identity);
    expect(world.record().controlEpoch).to.equal(1);
    world.startVirtualizer();
    world.untilState('serving');
    expect(world.facts().clusterIdentity).to.equal(identity);
    expect(world.record().controlEpoch).to.equal(2);
  });

  it('puts several volumes beside each other', () => {
    const second = { id: 'vol1', size: '64MiB', layout: { mirror: ['d1', 'd3'] } };
    const third = { id: 'vol2', size: '16MiB', layout: { concat: ['d1'] } };
    const world = new VirtualizerWorld(smallTopology([second, third]));
    world.startServing();
    for (const volume of ['vol1', 'vol2']) world.untilState('serving', volume);
    const onD1 = ['vol0', 'vol1', 'vol2'].flatMap(
      (volume) => world.medium('d1').assemblies.get(volume)?.extents ?? [],
    );
    expect(onD1).to.have.length(3);
    const sorted = onD1.toSorted((a, b) => a.start - b.start);
    sorted.reduce((end, { start, lengthBytes }) => {
      expect(start).to.be.at.least(end);
      return start + lengthBytes;
    }, 0);
  });

  it('leaves the places of volumes alone that the topology no longer names', () => {
    const second = { id: 'vol1', size: '64MiB', layout: { mirror: ['d1', 'd3'] } };
    const world = new VirtualizerWorld(smallTopology([second]));
    world.startServing();
    world.untilState('serving', 'vol1');
    const former = world.record('vol1');
    const third = { id: 'vol2', size: '64MiB', layout: { mirror: ['d1', 'd3'] } };
    const later = new VirtualizerWorld(smallTopology([third]));
    for (const [key, { value }] of world.database.values) later.database.put(key, value, 0);
    later.startVirtualizer();
    later.start('d1', 'd2', 'd3', 'd4', 's1', 's2');
    later.untilState('serving', 'vol2');
    const ends = former.layout.kind === 'mirror' ? former.layout.children : [];
    const [extent] = later.medium('d1').assemblies.get('vol2')?.extents ?? [];
    const [place] = ends.filter((end) => end.kind === 'extent' && end.disk === 'd1');
    if (place?.kind !== 'extent') throw new Error('vol1 was expected to be a mirror of extents');
    expect(extent?.start).to.be.at.least(place.start + place.lengthBytes);
    expect(extent?.generation).to.be.above(place.generation);
  });

  it('says when disks are too small for a volume', () => {
    const world = new VirtualizerWorld(
      smallTopology([{ id: 'big', size: '600MiB', layout: { mirror: ['d1', 'd2'] } }]),
    );
    world.startServing();
    world.run(1000);
    expect(world.status('big').reason).to.match(/^it cannot be made: disk d1 lacks /);
    expect(world.status('vol0').state).to.equal('serving');
  });
});

describe('virtualizer: who may use a volume', () => {
  it('tells a host that is not among the hosts of a volume nothing, and attaches it never', () => {
    const secret = { id: 'secret', size: '16MiB', layout: { mirror: ['d1', 'd2'] }, hosts: ['h2'] };
    const world = new VirtualizerWorld(smallTopology([secret]));
    world.startServing();
    world.untilState('serving', 'secret');
    world.host('h1').attach('secret');
    world.run(3000);
    expect(world.host('h1').answer).to.equal(
      'refused: host h1 may not use volume secret; the topology allows h2',
    );
    expect(world.host('h1').held.has('secret')).to.equal(false);
    expect(world.record('secret').attachments).to.deep.equal([]);
    world.host('h2').attach('secret');
    world.until(() => world.host('h2').isAttached('secret'), 'h2 is attached');
  });

  it('refuses a second host while an exclusive one lives, naming it, and lets it in once that one is gone', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    world.host('h2').attach('vol0');
    world.run(1000);
    expect(world.host('h2').answer).to.match(
      /^refused: volume vol0 is attached exclusively by host h1; detach it there first/,
    );
    const epoch = world.record().lastEpoch;
    world.kill('h1');
    world.until(() => world.host('h2').isAttached('vol0'), 'h2 is attached');
    expect(world.record().attachments.map(({ host }) => host)).to.deep.equal(['h2']);
    expect(world.record().partitions.every((partition) => partition.epoch > epoch)).to.equal(true);
    expect(world.disk('d1').confirmed.get('vol0')?.attachments).to.have.length(1);
  });

  it('gives nothing to a second host that asks before it has read who holds the volume', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const { attachments } = world.record();
    world.startVirtualizer();
    const isReading = () =>
      world.virtualizer.volumes.some(
        ({ volume, state }) => volume === 'vol0' && /^reading/.test(state),
      );
    world.until(isReading, 'the record is being read');
    world.database.isAvailable = false;
    world.host('h2').attach('vol0');
    world.run(500);
    expect(world.host('h2').answer).to.match(/^not-ready: volume vol0 is still looked for/);
    world.database.isAvailable = true;
    world.untilState('serving');
    world.run(1000);
    expect(world.record().attachments).to.deep.equal(attachments);
    expect(world.host('h2').answer).to.match(/^refused: volume vol0 is attached exclusively by/);
  });

  it('lets another host in when the one that held the volume restarted and does not ask for it', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    world.start('h1');
    world.run(100);
    world.host('h2').attach('vol0');
    world.until(() => world.host('h2').isAttached('vol0'), 'h2 is attached');
    expect(world.record().attachments.map(({ host }) => host)).to.deep.equal(['h2']);
  });

  it('attaches two hosts shared, and the first goes on under its epochs when the second comes', () => {
    const world = new VirtualizerWorld();
    world.startVirtualizer();
    world.start('d1', 'd2', 'd3', 'd4', 's1', 's2', 'h1', 'h2');
    world.host('h1').attach('vol0', 'shared');
    world.until(() => world.host('h1').isAttached('vol0'), 'h1 is attached');
    const before = world.record();
    const told = world.diary.length;
    world.host('h2').attach('vol0', 'shared');
    world.until(() => world.host('h2').isAttached('vol0'), 'h2 is attached');
    world.run(50);
    const after = world.record();
    expect(after.partitions).to.deep.equal(before.partitions);
    expect(after.attachments[0]).to.deep.equal(before.attachments[0]);
    expect(after.attachments[1]?.attachEpoch).to.be.above(before.lastEpoch);
    expect(world.host('h1').held.get('vol0')?.generation).to.equal(after.generation);
    expect(world.since(told).filter((entry) => entry.endsWith('assembling'))).to.deep.equal([]);
  });

  it('replaces the attachment of a host that restarted, with new epochs for everybody', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const before = world.record();
    world.start('h1');
    world.host('h1').attach('vol0');
    world.until(() => world.host('h1').isAttached('vol0'), 'h1 is attached again');
    const after = world.record();
    expect(after.attachments).to.have.length(1);
    expect(after.attachments[0]?.hostIncarnation).to.not.equal(
      before.attachments[0]?.hostIncarnation,
    );
    expect(after.partitions[0]?.epoch).to.be.above(before.lastEpoch);
  });

  it('takes nothing from a host for a late copy of what its former process asked for', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const former = world.host('h1').attachRequest('vol0');
    world.start('h1');
    world.host('h1').attach('vol0');
    world.until(() => world.host('h1').isAttached('vol0'), 'the new process is served');
    const { generation } = world.record();
    const answer = world.command(verbs.attach, former);
    expect(answer).to.include({ ok: false, reason: 'refused' });
    world.run(2000);
    expect(world.record().generation).to.equal(generation);
    expect(world.host('h1').isAttached('vol0')).to.equal(true);
  });

  it('gives a host that gave its attachment up a higher attach epoch', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const lost = world.host('h1').attachEpoch('vol0');
    world.host('h1').lostEpoch = lost;
    world.host('h1').attach('vol0');
    world.until(() => world.host('h1').isAttached('vol0'), 'h1 is attached anew');
    expect(world.host('h1').attachEpoch('vol0')).to.be.above(lost);
  });

  it('lets a host go that has drained, and does not disturb the other', () => {
    const world = new VirtualizerWorld();
    world.startVirtualizer();
    world.start('d1', 'd2', 'd3', 'd4', 's1', 's2', 'h1', 'h2');
    for (const host of ['h1', 'h2']) {
      world.host(host).attach('vol0', 'shared');
      world.until(() => world.host(host).isAttached('vol0'), `${host} is attached`);
    }
    const before = world.record();
    const { hostIncarnation } = before.attachments.find(({ host }) => host === 'h2') ?? {};
    const request = {
      host: 'h2',
      hostIncarnation,
      volume: 'vol0',
      mode: 'shared',
      readOnly: false,
    };
    const virtualizer = { kind: 'virtualizer', id: 'v1' } as const;
    world.host('h2').actor.ask(virtualizer, 'detach', request, 1000, () => {});
    world.until(() => world.record().attachments.length === 1, 'h2 is detached');
    world.untilState('serving');
    expect(world.record().partitions).to.deep.equal(before.partitions);
    expect(
      world
        .disk('d2')
        .confirmed.get('vol0')
        ?.attachments.map(({ host }) => host),
    ).to.deep.equal(['h1']);
  });
});
