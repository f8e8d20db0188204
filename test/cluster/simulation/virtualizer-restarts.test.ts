/** A virtualizer that ends and comes back decides under a new control epoch; those who do I/O need not notice (V7). */
import { expect } from 'chai';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import {
  controlDataFor,
  diskAssemblies,
  switchLoad,
} from '../../../actors/virtualizer/publications.ts';
import { recordOf } from '../../../cluster/simulation/media-damage.ts';
import { Status } from '../../../protocols/codes.ts';
import { type Answer, verbs } from '../../../protocols/commands.ts';
import type { VolumeRecord } from '../../../protocols/control-data.ts';
import { type DiskId, type HostId, idOf, type VolumeId } from '../../../protocols/ids.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';
import { SteadyLoad } from '../../tools/steady-load.ts';

const vol0 = idOf<VolumeId>('vol0');
const pauseMsMax = 5;

function underLoad() {
  const san = new SimulatedSan(
    smallShippedTopology('default.yaml', (plain) => ({
      ...plain,
      volumes: (plain.volumes as Plain[]).map((volume) => ({ ...volume, size: '6MiB' })),
    })),
  );
  const load = new SteadyLoad(san, san.volume('h1', 'vol0'), 4, true);
  san.runFor(300);
  return { san, load };
}

function decided(san: SimulatedSan): VolumeRecord {
  const record = recordOf(san.world.database, vol0);
  if (record === null) throw new Error('vol0 has no record');
  return record;
}

function restartVirtualizer(san: SimulatedSan): void {
  const { controlEpoch } = decided(san);
  san.world.crash(san.node('v1'));
  san.runUntil('another one has decided', () => decided(san).controlEpoch > controlEpoch);
  san.runFor(500);
}

/** What the switches have had to do beside writes. */
function troublesOf(san: SimulatedSan) {
  const volumes = ['s1', 's2'].flatMap((id) => (san.facts(id) as { volumes: Plain[] }).volumes);
  return volumes.map(({ troubles, comparedBytes }) => ({ troubles, comparedBytes }));
}

describe('a virtualizer that restarts', () => {
  it('troubles nobody: no epoch is renewed, nothing is compared, no I/O fails or is late', function () {
    this.timeout(60_000);
    const { san, load } = underLoad();
    const [before, troublesBefore] = [decided(san), troublesOf(san)];
    load.takeLatestMs();
    for (let round = 0; round < 2; round++) restartVirtualizer(san);
    expect(load.takeLatestMs(), 'the slowest I/O').to.be.below(pauseMsMax);
    const { generation, controlEpoch, partitions, attachments, lastEpoch } = decided(san);
    expect({ partitions, attachments, lastEpoch }).to.deep.equal({
      partitions: before.partitions,
      attachments: before.attachments,
      lastEpoch: before.lastEpoch,
    });
    expect(generation).to.be.greaterThan(before.generation);
    expect(controlEpoch).to.be.greaterThan(before.controlEpoch);
    expect(troublesOf(san)).to.deep.equal(troublesBefore);
    load.stop();
    expect([...load.statuses]).to.deep.equal([Status.ok]);
    expect(load.problems).to.deep.equal([]);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('leaves a predecessor that did not notice nothing to decide: disks, switches and hosts refuse it', () => {
    const { san, load } = underLoad();
    const before = decided(san);
    restartVirtualizer(san);
    const now = decided(san);
    const late: VolumeRecord = {
      ...now,
      controlEpoch: before.controlEpoch,
      generation: (now.generation + 5) as typeof now.generation,
      partitions: now.partitions.map((each, index) => ({
        ...each,
        epoch: (now.lastEpoch + 1 + index) as typeof each.epoch,
      })),
    };
    expect(orders(san, late)).to.deep.equal({
      d1: 'fenced',
      d2: 'fenced',
      d3: 'fenced',
      d4: 'fenced',
      s1: 'fenced',
      s2: 'fenced',
    });
    const [attachment] = san.hostOf('h1').attachments;
    expect(attachment?.controlData?.generation).to.equal(now.generation);
    load.stop();
    expect([...load.statuses]).to.deep.equal([Status.ok]);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});

/** Tells everybody of a decision, as its virtualizer would; what each answers, in a word. */
function orders(san: SimulatedSan, record: VolumeRecord): Record<string, string> {
  const bus = san.connect('the predecessor');
  const subjects = subjectsOf(san.world.topology.cluster);
  const answers: Record<string, string> = {};
  const order = (kind: 'disk' | 'switch', id: string, verb: string, body: object) => {
    bus.subscribe(`answer.${id}`, {
      message: (data) => {
        const answer = decodeJson(data) as Answer;
        answers[id] = answer.ok ? 'taken' : answer.reason;
      },
    });
    bus.publish(subjects.command({ kind, id } as never, verb), encodeJson(body), `answer.${id}`);
  };
  for (const body of diskAssemblies(record))
    order('disk', body.disk.disk satisfies DiskId, verbs.assemble, body);
  for (const { coordinator, ownerIncarnation } of record.partitions)
    order('switch', coordinator, verbs.load, switchLoad(record, ownerIncarnation));
  const h1 = idOf<HostId>('h1');
  const ways = { diskRoutes: () => [], coordinatorRoutes: () => [], cachingSwitches: [] };
  const state = { state: 'serving', reason: '' } as const;
  const data = controlDataFor(h1, record, state, ways);
  bus.publish(subjects.controlData(vol0, h1), encodeJson(data));
  san.runFor(100);
  return answers;
}
