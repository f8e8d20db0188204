import { expect } from 'chai';
import { decide } from '../../../actors/virtualizer/decisions.ts';
import { changeOf, type Survey, surveyMembers } from '../../../actors/virtualizer/membership.ts';
import { PresenceTable } from '../../../actors/virtualizer/presence.ts';
import type { Reach } from '../../../actors/virtualizer/switch-reach.ts';
import type { DiskMember } from '../../../protocols/control-data.ts';
import type { DiskId, SwitchId, VolumeId } from '../../../protocols/ids.ts';
import type { ControlEpoch, DiskInstance } from '../../../protocols/units.ts';
import {
  asItWas,
  at,
  blankVolume,
  clusterIdentity,
  description,
  diskFacts,
  identityOf,
  membersOf,
} from './samples.ts';

const question = {
  volume: 'vol0' as VolumeId,
  disks: ['d1', 'd2'] as DiskId[],
  neededBy: () => ['d1', 'd2'] as DiskId[],
  failureOf: (_disk: DiskId) => '',
  lackOf: (disks: readonly unknown[]): string | null => (disks.length === 2 ? null : ''),
  candidates: ['s1'] as SwitchId[],
  coordinators: ['s1'] as SwitchId[],
  reachOf: (_id: SwitchId): Reach => 'good',
  clusterIdentity,
  recorded: [] as readonly DiskMember[],
};

const s2 = ['s2'] as SwitchId[];

function tableWith(...disks: readonly { disk: string; facts?: object; state?: string }[]) {
  const table = new PresenceTable(at(0));
  table.see(description('switch', 's1', 7), at(0));
  for (const { disk, facts = {}, state = 'unassembled' } of disks)
    table.see(description('disk', disk, 3, { ...diskFacts(disk), ...facts }, state), at(0));
  return table;
}

function reasonOf(survey: Survey): string {
  return survey.outcome === 'complete' ? 'complete' : survey.reason;
}

describe('membership', () => {
  it('is complete when every disk and every coordinator is there', () => {
    const survey = surveyMembers(question, tableWith({ disk: 'd1' }, { disk: 'd2' }), at(1));
    expect(survey).to.have.property('outcome', 'complete');
    if (survey.outcome !== 'complete') return;
    expect(survey.members.disks.map(({ disk, instance }) => [disk, instance])).to.deep.equal([
      ['d1', 3],
      ['d2', 3],
    ]);
    expect(survey.members.switches).to.deep.equal([{ switch: 's1', incarnation: 7 }]);
  });

  it('calls nobody missing before it has listened long enough', () => {
    const table = tableWith({ disk: 'd1' });
    const early = surveyMembers(question, table, at(100));
    expect(early).to.deep.equal({ outcome: 'unknown', reason: 'disk d2 was not heard of yet' });
    const late = surveyMembers(question, table, at(3001));
    expect(late).to.deep.equal({
      outcome: 'missing',
      reason: 'disk d2 is missing: it was not heard of',
    });
  });

  it('knows the highest numbers that the disks know of the volume', () => {
    const volumes = (highestEpoch: number, generation: number, controlEpoch: number) => ({
      volumes: [
        { volume: 'vol0', generation, controlEpoch, highestEpoch, mirrorSets: [] },
        { volume: 'other', generation: 99, controlEpoch: 99, highestEpoch: 99, mirrorSets: [] },
      ],
    });
    const table = tableWith(
      { disk: 'd1', facts: volumes(5, 9, 2) },
      { disk: 'd2', facts: volumes(8, 4, 3) },
    );
    const survey = surveyMembers(question, table, at(1));
    if (survey.outcome !== 'complete') throw new Error(survey.reason);
    const { knownEpoch, knownGeneration, knownControlEpoch } = survey.members;
    expect([knownEpoch, knownGeneration, knownControlEpoch]).to.deep.equal([8, 9, 3]);
  });

  it('refuses a disk that is another than recorded, of another cluster, a twin, or not ready', () => {
    const recorded = ['d1', 'd2'].map((disk) => ({
      disk: disk as DiskId,
      identity: identityOf(disk),
      instance: 3 as DiskInstance,
    }));
    const reason = (facts: object, state = 'serving') =>
      reasonOf(
        surveyMembers(
          { ...question, recorded },
          tableWith({ disk: 'd1' }, { disk: 'd2', facts, state }),
          at(1),
        ),
      );
    expect(reason({})).to.equal('complete');
    expect(reason({ identity: 'e'.repeat(32) })).to.match(
      /^disk d2 answers as identity e{32}, expected 0{31}2: it was replaced or emptied/,
    );
    expect(reason({ starts: [1, 2, 4] }), 'it knows nothing of start 3').to.match(
      /^disk d2 is an older copy of itself: the volume was in use after it had been copied/,
    );
    expect(reason({ clusterIdentity: 'a'.repeat(32) })).to.match(
      /^disk d2 belongs to the cluster with identity a{32}, this one is c{32}/,
    );
    expect(reason({ clusterIdentity: '' })).to.equal('complete');
    expect(reason({}, 'replaying')).to.equal('disk d2 cannot be used, its state is replaying');
    expect(reason({ reason: 'its file is locked by another process' }, 'refused')).to.equal(
      'disk d2 cannot be used, its state is refused: its file is locked by another process',
    );
    expect(reason({ homeBytes: 'large' })).to.match(/^disk d2 does not present itself/);
    const twins = surveyMembers(
      question,
      tableWith({ disk: 'd1' }, { disk: 'd2', facts: { identity: identityOf('d1') } }),
      at(1),
    );
    expect(reasonOf(twins)).to.match(/^disks d1 and d2 are one and the same/);
  });

  it('tells a person of many problems no more than can be read', () => {
    const disks = Array.from({ length: 9 }, (_, index) => `d${index}` as DiskId);
    const survey = surveyMembers(
      { ...question, disks, neededBy: () => disks },
      tableWith(),
      at(9999),
    );
    expect(reasonOf(survey)).to.match(/^disk d0 is missing: .*; and 6 more$/);
  });

  it('sees that a member is another process than the one that was decided on', () => {
    const members = membersOf({ d1: 1, d2: 1, d3: 1, d4: 1 }, { s1: 5, s2: 6 });
    const { record } = decide(blankVolume(), {
      ...asItWas(),
      controlEpoch: 1 as ControlEpoch,
      members,
      attachments: [],
      drained: [],
      coordinators: [],
      preferred: [],
      renew: false,
      wereEqual: false,
    });
    expect(changeOf(record, members)).to.equal('');
    expect(changeOf(record, membersOf({ d1: 1, d2: 2, d3: 1, d4: 1 }, { s1: 5, s2: 6 }))).to.equal(
      'disk d2 restarted',
    );
    expect(changeOf(record, membersOf({ d1: 1, d2: 1, d3: 1, d4: 1 }, { s1: 5, s2: 9 }))).to.equal(
      'switch s2 restarted',
    );
    const unreached = membersOf({ d1: 1, d2: 1, d3: 1, d4: 1 }, { s1: 5 }, { outOfReach: s2 });
    expect(changeOf(record, unreached)).to.equal('switch s2 is out of reach of a host');
  });

  it('is of switches in reach of all hosts; where there is none, of all that are there', () => {
    const table = tableWith({ disk: 'd1' }, { disk: 'd2' });
    table.see(description('switch', 's2', 8), at(0));
    const found = (good: string, deaf = '') => {
      const candidates = ['s1', 's2'] as SwitchId[];
      const reachOf = (id: SwitchId): Reach =>
        good.includes(id) ? 'good' : deaf.includes(id) ? 'deaf' : 'none';
      const survey = surveyMembers({ ...question, candidates, reachOf }, table, at(1));
      if (survey.outcome !== 'complete') throw new Error(survey.reason);
      const { switches, outOfReach } = survey.members;
      return [switches.map((each) => each.switch), outOfReach];
    };
    expect(found('s1 s2')).to.deep.equal([['s1', 's2'], []]);
    expect(found('s1')).to.deep.equal([['s1'], ['s2']]);
    expect(found('s2', 's1'), 'one that is not deaf').to.deep.equal([['s2'], ['s1']]);
    expect(found('', 's1'), 'a deaf one rather than none').to.deep.equal([['s1'], ['s2']]);
    expect(found('')).to.deep.equal([['s1', 's2'], []]);
    expect(found('', 's1 s2')).to.deep.equal([['s1', 's2'], []]);
    table.bar({ kind: 'switch', id: 's1' }, at(2000));
    expect(found('', 's1 s2'), 'the way to it is deaf').to.deep.equal([['s2'], ['s1']]);
    table.bar({ kind: 'switch', id: 's2' }, at(3000));
    expect(found('', 's1 s2'), 'the first that was').to.deep.equal([['s1'], ['s2']]);
    expect(found('', 's2'), 'a deaf one rather than none').to.deep.equal([['s2'], ['s1']]);
  });
});
