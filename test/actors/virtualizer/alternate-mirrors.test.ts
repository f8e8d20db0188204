/** What the virtualizer says to a host that met a bad mirror: which others are left. */
import { expect } from 'chai';
import { findAlternates } from '../../../actors/virtualizer/alternate-mirrors.ts';
import { PresenceTable } from '../../../actors/virtualizer/presence.ts';
import {
  type AlternatesAnswer,
  type AlternatesQuery,
  type Answer,
  refusal,
} from '../../../protocols/commands.ts';
import type { AttachmentRecord, Route, VolumeRecord } from '../../../protocols/control-data.ts';
import {
  type ActorAddress,
  type DiskId,
  type HostId,
  idOf,
  type LinkId,
  type SwitchId,
} from '../../../protocols/ids.ts';
import { at, blankVolume, description } from './samples.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

const query = { host: 'h1', volume: 'vol0', offset: 0, lengthBytes: 4096, disk: 'd1' };

function staleIn(record: VolumeRecord, mirror: number): VolumeRecord {
  const mirrorSets = record.mirrorSets.map((set) => ({
    ...set,
    mirrors: set.mirrors.map((state, index) => (index === mirror ? ('stale' as const) : state)),
  }));
  return { ...record, mirrorSets };
}

const way = (disk: string, through: string): Route => ({
  hba: idOf('h1-a'),
  links: [idOf<LinkId>(`h1-a-${through}`), idOf<LinkId>(`${through}-${disk}`)],
  switches: [idOf<SwitchId>(through)],
});

describe('the mirrors that are left beside one that failed', () => {
  const presence = new PresenceTable(at(0));
  for (const disk of ['d1', 'd2', 'd3']) presence.see(description('disk', disk, 1), at(0));
  presence.see(description('disk', 'd4', 1, {}, 'failed'), at(0));
  /** Who was asked whether it is there. */
  let asked: string[];
  let silent: readonly string[];
  let failedLinks: readonly string[];
  const everywhere = {
    diskRoutes: (_: HostId, disk: DiskId) => [way(disk, 's1'), way(disk, 's2')],
    coordinatorRoutes: (_: HostId, id: SwitchId): Route[] => [
      { hba: idOf('h1-a'), links: [idOf<LinkId>(`h1-a-${id}`)], switches: [] },
    ],
  };
  const ask = (changes: object, record = blankVolume(), input: object = everywhere) => {
    asked = [];
    let answer: AlternatesAnswer | null = null;
    const facts = {
      input: { ...everywhere, ...input },
      presence,
      failedLinksOf: () => failedLinks.map((link) => idOf<LinkId>(link)),
      actor: {
        ask: ({ id }: ActorAddress, ...rest: unknown[]) => {
          asked.push(id);
          const done = rest.at(-1) as (answer: Answer) => void;
          done(silent.includes(id) ? refusal('timeout', '') : { ok: true });
        },
      },
    };
    const body = { ...query, ...changes } as unknown as AlternatesQuery;
    findAlternates(body, record, facts, (found) => {
      answer = found;
    });
    return answer;
  };

  beforeEach(() => {
    silent = [];
    failedLinks = [];
  });

  it('hold the same range, are in sync, there, and can be reached', () => {
    expect(ask({})).to.deep.equal({ alternates: ['d2'], away: [] });
    expect(asked, 'nobody else is asked, and nobody twice').to.have.members(['s1', 's2', 'd2']);
    expect(ask({ offset: 64 * 1024, disk: 'd4' })).to.deep.equal({ alternates: ['d3'], away: [] });
  });

  it('that are not in sync are none', () => {
    expect(ask({}, staleIn(blankVolume(), 1))).to.deep.equal({ alternates: [], away: [] });
    expect(asked).to.be.empty;
  });

  it('that are away, broken, or out of this host’s reach are told apart: they have not failed', () => {
    expect(ask({ offset: 64 * 1024, disk: 'd3' })).to.deep.equal({ alternates: [], away: ['d4'] });
    const nowhere = { diskRoutes: () => [] };
    expect(ask({}, blankVolume(), nowhere)).to.deep.equal({ alternates: [], away: ['d2'] });
  });

  it('that no link leads to which works for this host, as it said, are not named', () => {
    failedLinks = ['s1-d2'];
    expect(ask({}), 'another way is left').to.deep.equal({ alternates: ['d2'], away: [] });
    failedLinks = ['s1-d2', 'h1-a-s2'];
    expect(ask({})).to.deep.equal({ alternates: [], away: ['d2'] });
  });

  it('that do not answer, or only behind switches that do not, are not named', () => {
    silent = ['d2'];
    expect(ask({})).to.deep.equal({ alternates: [], away: ['d2'] });
    silent = ['s1'];
    expect(ask({}), 'by the other switch').to.deep.equal({ alternates: ['d2'], away: [] });
    silent = ['s1', 's2'];
    expect(ask({})).to.deep.equal({ alternates: [], away: ['d2'] });
  });

  it('are reached through a coordinator in shared attach, whatever other ways have failed', () => {
    const blank = blankVolume();
    const shared = { host: 'h1', mode: 'shared' } as unknown as AttachmentRecord;
    const record = { ...blank, attachments: [shared] };
    failedLinks = ['s1-d2', 's2-d2'];
    expect(ask({}, record)).to.deep.equal({ alternates: ['d2'], away: [] });
    failedLinks = ['h1-a-s1', 'h1-a-s2'];
    expect(ask({}, record)).to.deep.equal({ alternates: [], away: ['d2'] });
    failedLinks = [];
    silent = ['s1', 's2'];
    expect(ask({}, record)).to.deep.equal({ alternates: [], away: ['d2'] });
  });

  it('of a range over several parts hold all of them', () => {
    expect(ask({ lengthBytes: 128 * 1024 })).to.deep.equal({ alternates: [], away: [] });
  });
});

describe('the command alternates', () => {
  it('is answered while the volume serves, and to hosts that may use it', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    expect(world.command('alternates', query)).to.deep.equal({
      ok: true,
      alternates: ['d2'],
      away: [],
    });
    const size = world.record().sizeBytes;
    expect(world.command('alternates', { ...query, offset: size })).to.include({
      ok: false,
      reason: 'invalid',
    });
    expect(world.command('alternates', { ...query, host: 'h9' })).to.include({ reason: 'refused' });
    expect(world.command('alternates', { ...query, volume: 'x' })).to.include({
      reason: 'unknown',
    });
    expect(world.command('alternates', { ...query, lengthBytes: 0 })).to.include({
      reason: 'invalid',
    });
    world.kill('d2');
    world.until(() => world.status().state !== 'serving', 'the loss of a disk to be seen');
    expect(world.command('alternates', query)).to.include({ ok: false, reason: 'not-ready' });
  });

  it('names no mirror that no link leads to which works for the host, nor one that is silent', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const tell = (number: number, failed: readonly string[]) =>
      world.command('prefer-paths', { ...told, number, failed });
    const told = { host: 'h1', hostIncarnation: 7, paths: [] };
    expect(tell(1, ['s1-d2', 's2-d2'])).to.deep.equal({ ok: true });
    expect(world.command('alternates', query)).to.deep.include({ alternates: [], away: ['d2'] });
    tell(2, []);
    expect(world.command('alternates', query)).to.deep.include({ alternates: ['d2'], away: [] });
    world.network.lose = (subject) => subject.includes('.cmd.disk.d2.');
    const before = world.clock.now();
    expect(world.command('alternates', query)).to.deep.include({ alternates: [], away: ['d2'] });
    expect(world.clock.now() - before, 'hosts wait for it').to.be.below(200);
    expect(world.status().state, 'nobody has missed it yet').to.equal('serving');
  });
});
