import { expect } from 'chai';
import { wantedAttachments } from '../../../actors/virtualizer/attachments.ts';
import { decide } from '../../../actors/virtualizer/decisions.ts';
import { NotedRequests } from '../../../actors/virtualizer/noted-requests.ts';
import type { Liveness } from '../../../actors/virtualizer/presence.ts';
import type { VolumeRecord } from '../../../protocols/control-data.ts';
import type { HostId } from '../../../protocols/ids.ts';
import type { AttachEpoch, ControlEpoch } from '../../../protocols/units.ts';
import { asItWas, blankVolume, membersOf, request } from './samples.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

/** h1 holds the volume for itself. */
function heldByH1(): VolumeRecord {
  const requests = new NotedRequests();
  const livenessOf = (): Liveness => 'live';
  const surroundings = { record: null, livenessOf, mayUse: () => true };
  requests.attach(request('h1'), surroundings);
  return decide(blankVolume(), {
    ...asItWas(),
    controlEpoch: 1 as ControlEpoch,
    members: membersOf({ d1: 1, d2: 1, d3: 1, d4: 1 }, { s1: 11, s2: 12 }),
    attachments: wantedAttachments(requests.within(surroundings)),
    drained: [],
    coordinators: [],
    preferred: [],
    renew: false,
    wereEqual: true,
  }).record;
}

describe('a request that was noted while the holder of a volume was not there', () => {
  const record = heldByH1();
  let requests: NotedRequests;
  let liveness: Liveness;
  const surroundings = {
    record,
    livenessOf: ({ host }: { host: HostId }) => (host === 'h1' ? liveness : 'live'),
    mayUse: () => true,
  };
  const wanted = () =>
    wantedAttachments(requests.within(surroundings)).map(
      ({ host, held }) => `${host} ${held === null ? 'begins' : 'goes on'}`,
    );
  beforeEach(() => {
    requests = new NotedRequests();
    liveness = 'gone';
    expect(requests.attach(request('h2'), surroundings).outcome).to.equal('noted');
  });

  it('is carried out while that holder is gone', () => {
    expect(wanted()).to.deep.equal(['h2 begins']);
  });

  it('takes nothing from a holder that is back when it comes to the decision, or may be', () => {
    for (liveness of ['live', 'unknown'] as const) expect(wanted()).to.deep.equal(['h1 goes on']);
  });

  it('does not keep the holder that is back from asking for its volume anew', () => {
    liveness = 'live';
    const lostEpoch = record.lastEpoch as AttachEpoch;
    expect(requests.attach(request('h1', { lostEpoch }), surroundings).outcome).to.equal('noted');
    expect(wanted()).to.deep.equal(['h1 begins']);
  });
});

describe('a host that was silent for a moment while its volume could not be decided about', () => {
  it('still has its exclusive volume when the missing disk is back', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const held = world.record().attachments[0];
    world.kill('d3');
    world.kill('d4');
    world.until(() => world.status().state === 'gathering.looking', 'd3 is missed');
    world.network.lose = (subject) => /\.(tel|evt|cmd)\.host\.h1(\.|$)/.test(subject);
    world.host('h2').attach('vol0');
    world.until(() => world.host('h2').answer === 'noted', 'h1 counts as gone');
    world.network.lose = () => false;
    world.until(() => /^refused/.test(world.host('h2').answer), 'h1 is heard of again');
    world.start('d3', 'd4');
    world.untilState('serving');
    world.run(1000);
    expect(world.record().attachments.map(({ host }) => host)).to.deep.equal(['h1']);
    expect(world.record().attachments[0]?.firstEpoch).to.equal(held?.firstEpoch);
    expect(world.host('h1').isAttached('vol0')).to.equal(true);
  });
});
