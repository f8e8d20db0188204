import { expect } from 'chai';
import { assemble } from '../../../actors/disk/assembly.ts';
import { fenceTableOf, judge } from '../../../actors/disk/fences.ts';
import type { SuperblockContent } from '../../../actors/disk/superblock.ts';
import { Operation, Status, statusName } from '../../../protocols/codes.ts';
import type { DiskAssembly } from '../../../protocols/control-data.ts';
import { type Request, RequestFlag } from '../../../protocols/frames/request.ts';
import { type HostId, idOf, type VolumeId } from '../../../protocols/ids.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { DiskActorWorld, volumeId } from './disk-actor-world.ts';

const world = new DiskActorWorld();
world.format();
world.start();
const homeBytes = 8 * mebibyte;

/** Numbers are written plainly here; their units are checked where they are issued. */
type Loose<Type> = { [Key in keyof Type]?: Type[Key] extends number ? number : Type[Key] };

function assemblyOf(changes: Loose<DiskAssembly> = {}): DiskAssembly {
  return { ...world.assembly(), ...changes } as DiskAssembly;
}

function contentOf(...assemblies: DiskAssembly[]): SuperblockContent {
  const opened = world.disk.opened;
  if (opened === null) throw new Error('not open');
  let { content } = opened.superblock;
  for (const assembly of assemblies) {
    const result = assemble(content, assembly, homeBytes);
    if (!result.ok) throw new Error(result.message);
    content = result.content;
  }
  return content;
}

function tableOf(...assemblies: DiskAssembly[]) {
  return fenceTableOf(contentOf(...assemblies), () => true, new Map());
}

function requestOf(operation: Operation, changes: Loose<Request> = {}): Request {
  return { ...world.request(operation, 0, 4096), ...changes } as Request;
}

/** What comes of a request: `admitted`, or the status, or the number that fences it and its current value. */
function fateOf(request: Request, table = tableOf(assemblyOf())): string {
  const verdict = judge(table, request);
  if (verdict.ok) return 'admitted';
  const { outcome } = verdict;
  if (outcome.status === Status.fenced) return `${outcome.detail.number} ${outcome.detail.current}`;
  return statusName(outcome.status);
}

const { read, write, writeZeroes, trim, flush, allocation, tagDigest, tags } = Operation;
const ofCoordinator = {
  host: '',
  flags: RequestFlag.copy,
  attachEpoch: 0,
  hostIncarnation: 0,
} as const;

describe('fences', () => {
  const cases: [string, Operation[], Loose<Request>, string][] = [
    ['fits in every number', [read, write, writeZeroes, trim, flush, allocation], {}, 'admitted'],
    ['is a coordinator’s copy', [read, write, tagDigest, tags, flush], ofCoordinator, 'admitted'],
    ['is of no host and no copy', [read, write, tags, flush], { host: '' }, 'invalid'],
    [
      'is of an unknown volume',
      [read, write, flush],
      { volume: idOf<VolumeId>('other') },
      'extentGeneration 0',
    ],
    [
      'was made under a virtualizer that was replaced, and fits in all else',
      [read, write, flush],
      { controlEpoch: 0 },
      'admitted',
    ],
    ['has a newer control epoch', [read, write, flush], { controlEpoch: 2 }, 'admitted'],
    [
      'is of a host that is not attached',
      [read, write, flush],
      { host: idOf<HostId>('h2') },
      'attachEpoch 0',
    ],
    ['has an older attach epoch', [read, write, flush], { attachEpoch: 1 }, 'attachEpoch 2'],
    ['has a newer attach epoch', [read, write, flush], { attachEpoch: 3 }, 'attachEpoch 2'],
    [
      'is of another process of the host',
      [read, write, flush],
      { hostIncarnation: 6 },
      'attachEpoch 2',
    ],
    [
      'has an older partition epoch',
      [write, writeZeroes, trim],
      { partitionEpoch: 0 },
      'partitionEpoch 1',
    ],
    ['has a newer partition epoch', [read, write], { partitionEpoch: 2 }, 'partitionEpoch 1'],
    [
      'is a copy with an older partition epoch',
      [read, write, tags, flush],
      { ...ofCoordinator, partitionEpoch: 0 },
      'partitionEpoch 1',
    ],
    ['is of an unknown partition', [write], { partition: 1 }, 'partitionEpoch 0'],
    [
      'is a host’s read of no partition',
      [read, allocation],
      { partitionEpoch: 0, ownerIncarnation: 0 },
      'admitted',
    ],
    [
      'has the epoch, but another owner',
      [read, write],
      { ownerIncarnation: 78 },
      'ownerIncarnation 77',
    ],
    [
      'is a copy of an owner that was replaced',
      [read, write, tags, flush],
      { ...ofCoordinator, ownerIncarnation: 78 },
      'ownerIncarnation 77',
    ],
    ['has an older event count', [read, write, tags], { eventCount: 2 }, 'eventCount 3'],
    ['has a newer event count', [read, write, tags], { eventCount: 4 }, 'eventCount 3'],
    [
      'has another extent generation',
      [read, write, tags],
      { extentGeneration: 2 },
      'extentGeneration 1',
    ],
    ['lies in no extent', [read, write], { diskOffset: 0 }, 'extentGeneration 0'],
    ['lies behind the extent', [read, write], { diskOffset: 5 * mebibyte }, 'extentGeneration 0'],
    [
      'runs over the end of the extent',
      [read, write],
      { diskOffset: 5 * mebibyte - 4096, lengthBytes: 8192 },
      'range',
    ],
    ['has no length', [read, write], { lengthBytes: 0 }, 'range'],
    ['is cut differently in volume and disk', [read, write], { offset: 512 }, 'invalid'],
    ['has no write number', [write, writeZeroes, trim], { writeNumber: 0 }, 'invalid'],
    ['has a write number that no tag can hold', [write], { writeNumber: 2 ** 48 }, 'invalid'],
  ];
  for (const [what, operations, changes, expected] of cases)
    it(`a request that ${what}: ${expected}`, () => {
      for (const operation of operations)
        expect(fateOf(requestOf(operation, changes)), `operation ${operation}`).to.equal(expected);
    });

  it('nothing of a volume is admitted before it is assembled on this process', () => {
    const table = fenceTableOf(contentOf(assemblyOf()), () => false, new Map());
    for (const operation of [read, write, flush, tags])
      expect(fateOf(requestOf(operation), table)).to.equal('controlEpoch 1');
  });

  it('a host that is attached for reading only may read and not write', () => {
    const attachments = world.assembly().attachments.map((each) => ({ ...each, readOnly: true }));
    const table = tableOf(assemblyOf({ attachments }));
    expect(fateOf(requestOf(read), table)).to.equal('admitted');
    for (const operation of [write, writeZeroes, trim])
      expect(fateOf(requestOf(operation), table)).to.equal('masked');
  });

  it('an extent in no mirror set has no event count', () => {
    const extents = world.assembly().extents.map((each) => ({ ...each, mirrorSet: '' as const }));
    expect(fateOf(requestOf(write, { eventCount: 99 }), tableOf(assemblyOf({ extents })))).to.equal(
      'admitted',
    );
  });

  it('knows which writes are settled, within an epoch', () => {
    const assembly = assemblyOf();
    const table = tableOf(assembly);
    const settled = (writeNumber: number, lowestUnsettled: number, inTable = table) => {
      const verdict = judge(inTable, requestOf(write, { writeNumber, lowestUnsettled }));
      return verdict.ok && verdict.isSettled;
    };
    expect(settled(5, 5)).to.equal(false);
    expect(settled(4, 3)).to.equal(true);
    expect(settled(9, 8)).to.equal(false);
    expect(settled(7, 5)).to.equal(true);
    const same = fenceTableOf(contentOf(assembly), () => true, table);
    expect(settled(7, 5, same), 'assembled again').to.equal(true);
    const partitions = assembly.partitions.map((each) => ({ ...each, epoch: 9 }));
    const renewed = contentOf(assembly, assemblyOf({ partitions } as never));
    const verdict = judge(
      fenceTableOf(renewed, () => true, table),
      requestOf(write, { writeNumber: 7, lowestUnsettled: 1, partitionEpoch: 9 }),
    );
    expect(verdict).to.include({ ok: true, isSettled: false });
  });

  it('a request that is refused settles nothing', () => {
    const table = tableOf(assemblyOf());
    judge(table, requestOf(write, { writeNumber: 100, lowestUnsettled: 90, ownerIncarnation: 1 }));
    judge(table, requestOf(write, { writeNumber: 100, lowestUnsettled: 90, eventCount: 1 }));
    expect(judge(table, requestOf(write, { writeNumber: 5 }))).to.include({ isSettled: false });
  });
});

describe('an assembly', () => {
  const base = () => contentOf(assemblyOf({ generation: 5, controlEpoch: 4 }));
  const reasonOf = (changes: Loose<DiskAssembly>, content = base()) => {
    const result = assemble(
      content,
      assemblyOf({ generation: 5, controlEpoch: 4, ...changes }),
      homeBytes,
    );
    return result.ok ? 'taken' : result.reason;
  };
  const { partitions, attachments, mirrorSets, extents, disk } = world.assembly();
  const changed = <Item extends object>(items: readonly Item[], changes: object) =>
    items.map((item) => ({ ...item, ...changes }) as Item);

  const cases: [string, Loose<DiskAssembly>, string][] = [
    ['is the same again', {}, 'taken'],
    [
      'goes up in everything',
      {
        generation: 6,
        controlEpoch: 5,
        partitions: changed(partitions, { epoch: 3, ownerIncarnation: 8 }),
      },
      'taken',
    ],
    ['has an older control epoch', { controlEpoch: 3, generation: 6 }, 'fenced'],
    ['has an older generation', { generation: 4 }, 'fenced'],
    ['has an older partition epoch', { partitions: changed(partitions, { epoch: 0 }) }, 'fenced'],
    [
      'gives an epoch to another process',
      { partitions: changed(partitions, { ownerIncarnation: 8 }) },
      'fenced',
    ],
    [
      'gives an epoch to another coordinator',
      { partitions: changed(partitions, { coordinator: 's2' }) },
      'fenced',
    ],
    [
      'has an older attach epoch',
      { attachments: changed(attachments, { attachEpoch: 1 }) },
      'fenced',
    ],
    [
      'gives an attach epoch to another process',
      { attachments: changed(attachments, { hostIncarnation: 8 }) },
      'fenced',
    ],
    ['lets go of a host', { attachments: [] }, 'taken'],
    ['has an older event count', { mirrorSets: changed(mirrorSets, { eventCount: 2 }) }, 'fenced'],
    ['is of another cluster', { clusterIdentity: 'd'.repeat(32) }, 'refused'],
    ['is meant for another disk', { disk: { ...disk, identity: 'e'.repeat(32) } }, 'refused'],
    ['is meant for an earlier process', { disk: { ...disk, instance: 0 as never } }, 'refused'],
    [
      'has an extent outside the disk',
      { extents: changed(extents, { start: 7 * mebibyte }) },
      'invalid',
    ],
    [
      'has an extent of part blocks',
      { extents: changed(extents, { lengthBytes: 5000 }) },
      'invalid',
    ],
    [
      'has extents that overlap',
      { extents: [...extents, ...changed(extents, { extent: 'e2' })] },
      'refused',
    ],
    ['overlaps another volume', { volume: idOf<VolumeId>('vol1') }, 'refused'],
    [
      'has an epoch that no tag can hold',
      { partitions: changed(partitions, { epoch: 2 ** 24 }) },
      'invalid',
    ],
  ];
  for (const [what, changes, expected] of cases)
    it(`that ${what}: ${expected}`, () => {
      expect(reasonOf(changes)).to.equal(expected);
    });

  it('changes nothing when it says what is known', () => {
    const content = base();
    const result = assemble(content, assemblyOf({ generation: 5, controlEpoch: 4 }), homeBytes);
    expect(result).to.deep.equal({ ok: true, content });
  });

  it('keeps the reference of an extent that stays its owner’s, and gives a new one to each new generation', () => {
    const referenceOf = (content: SuperblockContent) =>
      content.volumes.find(({ volume }) => volume === volumeId)?.extents[0]?.reference;
    const first = base();
    expect(referenceOf(first)).to.equal(1);
    const same = assemble(first, assemblyOf({ generation: 6, controlEpoch: 4 }), homeBytes);
    if (!same.ok) throw new Error(same.message);
    expect(referenceOf(same.content)).to.equal(1);
    const other = changed(extents, { generation: 2 });
    const result = assemble(
      first,
      assemblyOf({ generation: 6, controlEpoch: 4, extents: other }),
      homeBytes,
    );
    if (!result.ok) throw new Error(result.message);
    expect(referenceOf(result.content)).to.equal(2);
    expect(result.content.nextReference).to.equal(3);
  });

  it('never lets the highest epoch go down', () => {
    const next = assemble(
      base(),
      assemblyOf({ generation: 6, controlEpoch: 4, attachments: [] }),
      homeBytes,
    );
    if (!next.ok) throw new Error(next.message);
    expect(next.content.volumes[0]).to.include({ highestEpoch: 2 });
  });
});
