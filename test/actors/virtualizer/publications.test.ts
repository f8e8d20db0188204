import { expect } from 'chai';
import { wantedAttachments } from '../../../actors/virtualizer/attachments.ts';
import { decide } from '../../../actors/virtualizer/decisions.ts';
import {
  controlDataFor,
  diskAssemblies,
  switchLoad,
} from '../../../actors/virtualizer/publications.ts';
import { virtualizerInputOf } from '../../../actors/virtualizer/virtualizer-input.ts';
import {
  controlDataSchema,
  diskAssemblySchema,
  switchLoadSchema,
} from '../../../protocols/control-data.ts';
import type { DiskId, HostId, SwitchId, VirtualizerId } from '../../../protocols/ids.ts';
import { extentsOf } from '../../../protocols/layout/layout.ts';
import { parseTopology } from '../../../protocols/topology/parse-topology.ts';
import type { ControlEpoch, Incarnation } from '../../../protocols/units.ts';
import { asItWas, blankVolume, membersOf, request } from './samples.ts';
import { smallTopology } from './virtualizer-world.ts';

const h1 = 'h1' as HostId;

function decided() {
  const attachments = wantedAttachments({
    record: null,
    requests: [request('h1')],
    leaving: [],
    silent: [],
    livenessOf: () => 'live',
    mayUse: () => true,
  });
  return decide(blankVolume(), {
    ...asItWas(),
    controlEpoch: 1 as ControlEpoch,
    members: membersOf({ d1: 1, d2: 1, d3: 1, d4: 1 }, { s1: 11, s2: 12 }),
    attachments,
    drained: [],
    coordinators: [],
    preferred: [],
    renew: false,
    wereEqual: false,
  }).record;
}

describe('publications', () => {
  it('tells each disk its own extents, and every number that it must refuse by', () => {
    const record = decided();
    const assemblies = diskAssemblies(record);
    expect(assemblies.map(({ disk }) => disk.disk)).to.deep.equal(['d1', 'd2', 'd3', 'd4']);
    for (const assembly of assemblies) {
      expect(diskAssemblySchema.parse(assembly)).to.deep.equal(assembly);
      const own = extentsOf(record.layout).filter(({ disk }) => disk === assembly.disk.disk);
      expect(assembly.extents.map(({ extent }) => extent)).to.deep.equal(
        own.map(({ extent }) => extent),
      );
      expect(assembly.partitions).to.deep.equal(record.partitions);
      expect(assembly.attachments).to.deep.equal(record.attachments);
      const set = assembly.extents[0]?.mirrorSet;
      expect(assembly.mirrorSets).to.deep.equal(
        record.mirrorSets.filter((each) => each.set === set),
      );
    }
    const [first, second, third] = assemblies.map(({ extents }) => extents[0]?.mirrorSet);
    expect(first).to.equal(second);
    expect(first).to.not.equal(third);
  });

  it('tells a switch everything but what is nobody else’s business', () => {
    const load = switchLoad(decided(), 11 as Incarnation);
    expect(switchLoadSchema.parse(load)).to.deep.equal(load);
    expect(load).to.not.have.any.keys('lastEpoch', 'cluster', 'clusterIdentity');
  });

  it('tells a host the ways to every disk and coordinator, the shortest first', () => {
    const input = virtualizerInputOf(smallTopology(), 'v1' as VirtualizerId);
    const data = controlDataFor(h1, decided(), { state: 'serving', reason: '' }, input);
    expect(controlDataSchema.parse(data)).to.deep.equal(data);
    expect(data.diskRoutes.map(({ disk }) => disk)).to.deep.equal(['d1', 'd2', 'd3', 'd4']);
    expect(data.coordinatorRoutes.map(({ coordinator }) => coordinator)).to.deep.equal([
      's1',
      's2',
    ]);
    for (const { routes } of data.diskRoutes) {
      expect(routes.slice(0, 4).map(({ links }) => links.length)).to.deep.equal([2, 2, 2, 2]);
      expect(new Set(routes.map(({ hba }) => hba))).to.deep.equal(new Set(['h1-a', 'h1-b']));
    }
    expect(data.coordinatorRoutes[0]?.routes[0]).to.deep.equal({
      hba: 'h1-a',
      links: ['h1-a-s1'],
      switches: [],
    });
  });
});

describe('virtualizer input', () => {
  it('leads no host’s I/O to a plain switch first, for it cannot turn a volume’s address into a disk’s', () => {
    const read = parseTopology({
      fabrics: ['f1'],
      virtualizers: ['v1'],
      hosts: [{ id: 'h1', hbas: ['a'] }],
      switches: ['s1', { id: 'p', virtualizing: false }],
      disks: [{ id: 'd1', size: '64MiB' }],
      links: [
        ['a', 's1'],
        ['a', 'p'],
        ['s1', 'p'],
        ['p', 'd1'],
        ['s1', 'd1'],
      ],
      volumes: [{ id: 'v', size: '1MiB', layout: 'd1' }],
    });
    if (!read.ok) throw new Error(JSON.stringify(read.problems));
    const input = virtualizerInputOf(read.topology, 'v1' as VirtualizerId);
    expect(input.virtualizingSwitches).to.deep.equal(['s1']);
    const ways = input.diskRoutes(h1, 'd1' as DiskId).map(({ switches }) => switches);
    expect(ways).to.deep.equal([['s1'], ['s1', 'p']]);
    const toCoordinator = input.coordinatorRoutes(h1, 's1' as SwitchId);
    expect(toCoordinator.map(({ links }) => links)).to.deep.equal([['a-s1']]);
    expect(input.diskRoutes('h9' as HostId, 'd1' as DiskId)).to.deep.equal([]);
  });
});
