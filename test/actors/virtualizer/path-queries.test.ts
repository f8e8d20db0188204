import { expect } from 'chai';
import { Actor } from '../../../actors/actor.ts';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import { PathQueries } from '../../../actors/virtualizer/path-queries.ts';
import { virtualizerInputOf } from '../../../actors/virtualizer/virtualizer-input.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { defaultTopologyFile, readTopologyFile } from '../../../cluster/topology-file.ts';
import type { Answer } from '../../../protocols/commands.ts';
import { idOf } from '../../../protocols/ids.ts';
import type { PathAnswer } from '../../../protocols/path-queries.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { unitOf } from '../../../protocols/units.ts';
import { ManualBus } from '../host/manual-bus.ts';

const subjects = subjectsOf(idOf('test'));
const self = { kind: 'virtualizer', id: 'v1' } as const;
const asker = subjects.commandReply({ kind: 'host', id: 'h1' }, 1);

describe('the virtualizer, asked which ways are left', () => {
  let bus: ManualBus;
  let clock: VirtualClock;
  let answer: Answer | null;
  /** Who does not answer. */
  let silent: readonly string[];
  let queries: PathQueries;
  let failedChanges: number;
  const ask = (verb: string, body: object) => {
    answer = null;
    bus.deliver(subjects.command(self, verb), encodeJson(body), asker);
    clock.runFor(300);
    return answer as Answer | null;
  };
  const query = (changes: object = {}) =>
    ask('paths', {
      ...{ host: 'h1', volume: 'vol0', failed: [] },
      targets: [{ kind: 'disk', id: 'd1' }],
      ...changes,
    }) as (Answer & PathAnswer) | null;

  beforeEach(() => {
    bus = new ManualBus();
    clock = new VirtualClock();
    silent = [];
    bus.onPublish = (subject, data, reply) => {
      if (subject === asker) answer = decodeJson(data) as Answer;
      const asked = /\.cmd\.(switch|disk)\.(\w+)\.describe$/.exec(subject)?.[2];
      if (asked !== undefined && !silent.includes(asked))
        clock.soon(() => bus.deliver(reply, encodeJson({ ok: true })));
    };
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    const ports = {
      cluster: idOf<never>('test'),
      control: bus,
      clock,
      random: new SeededRandom(1),
      log,
    };
    const actor = new Actor(self, unitOf(1), ports, () => ({ state: '', facts: {} }));
    const read = readTopologyFile(defaultTopologyFile);
    if (!read.ok) throw new Error('the default topology cannot be read');
    failedChanges = 0;
    queries = new PathQueries(virtualizerInputOf(read.topology, idOf('v1')), actor, () => {
      failedChanges++;
    });
    actor.start();
  });

  it('names the ways of that host, the shortest first, once everybody on them has answered', () => {
    const answered = query();
    expect(answered?.ok).to.equal(true);
    expect(answered?.silent).to.deep.equal([]);
    expect(answered?.routes[0]?.links).to.have.length(2);
    expect(answered?.routes.every(({ links }) => links.at(-1)?.endsWith('-d1'))).to.equal(true);
  });

  it('names no way over what the host knows to have failed', () => {
    const answered = query({ failed: ['s1-d1', 'h1-a-s2', 'h1-b-s2'] });
    const links = answered?.routes.map((route) => route.links.join(' '));
    expect(links).to.have.members(['h1-a-s1 s1-s2 s2-d1', 'h1-b-s1 s1-s2 s2-d1']);
  });

  it('names no way through somebody who does not answer, and says who that is', () => {
    silent = ['s1'];
    const answered = query();
    expect(answered?.silent).to.deep.equal(['s1']);
    expect(answered?.routes).to.not.be.empty;
    expect(answered?.routes.flatMap(({ switches }) => switches)).to.not.include('s1');
    silent = ['d1'];
    expect(query()?.routes).to.deep.equal([]);
  });

  it('names the way first that the host prefers, and shows it', () => {
    const preferred = query()?.routes.at(-1);
    const paths = [{ target: { kind: 'disk', id: 'd1' }, ...preferred }];
    const told = { host: 'h1', hostIncarnation: 7, number: 2, paths };
    expect(ask('prefer-paths', told)).to.deep.equal({ ok: true });
    expect(query()?.routes[0]).to.deep.equal(preferred);
    expect(queries.facts()).to.have.length(1);
  });

  it('names the ways in the order in which the host prefers them, whatever their lengths are', () => {
    const shortestFirst = query()?.routes ?? [];
    const preferred = [shortestFirst.at(-1), shortestFirst[1], shortestFirst.at(-2)];
    const paths = preferred.map((way) => ({ target: { kind: 'disk', id: 'd1' }, ...way }));
    ask('prefer-paths', { host: 'h1', hostIncarnation: 7, number: 2, paths });
    expect(query()?.routes.slice(0, 3)).to.deep.equal(preferred);
    expect(query()?.routes).to.have.deep.members(shortestFirst);
    expect(queries.told.preferredOf(idOf('h1')).map(({ links }) => links)).to.deep.equal(
      preferred.map((way) => way?.links),
    );
  });

  it('a late copy of an older preference changes nothing', () => {
    const tell = (number: number, hba: string) =>
      ask('prefer-paths', {
        ...{ host: 'h1', hostIncarnation: 7, number },
        paths: [{ target: { kind: 'disk', id: 'd1' }, hba, links: [] }],
      });
    tell(2, 'h1-b');
    tell(1, 'h1-a');
    expect(JSON.stringify(queries.facts())).to.contain('h1-b');
  });

  it('keeps which links have failed for a host, and says when others have than before', () => {
    const tell = (number: number, failed?: readonly string[]) =>
      ask('prefer-paths', { host: 'h1', hostIncarnation: 7, number, paths: [], failed });
    const changed = () => [queries.told.failedLinksOf(idOf('h1')).join(' '), failedChanges];
    tell(1);
    expect(changed(), 'nothing has failed').to.deep.equal(['', 0]);
    tell(2, ['h1-a-s1', 's1-d1']);
    tell(3, ['h1-a-s1', 's1-d1']);
    expect(changed()).to.deep.equal(['h1-a-s1 s1-d1', 1]);
    tell(1, []);
    expect(changed(), 'an older copy changes nothing').to.deep.equal(['h1-a-s1 s1-d1', 1]);
    tell(4, []);
    expect(changed()).to.deep.equal(['', 2]);
    expect(queries.told.failedLinksOf(idOf('h2'))).to.deep.equal([]);
  });

  it('says no to a host that there is not, and to what makes no sense', () => {
    expect(query({ host: 'h9' })?.routes).to.deep.equal([]);
    expect(query({ targets: [{ kind: 'disk', id: 'd9' }] })?.routes).to.deep.equal([]);
    expect(ask('paths', { host: 'h1' })).to.include({ ok: false, reason: 'invalid' });
  });
});
