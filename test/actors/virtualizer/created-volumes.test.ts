import { expect } from 'chai';
import { verbs } from '../../../protocols/commands.ts';
import { create, definition, listen, names, serving, wanted } from './created-volume-world.ts';

describe('virtualizer: creating a volume', () => {
  it('writes its definition and then makes it, beside the volumes of the topology', () => {
    const world = serving();
    const before = world.diary.length;
    create(world);
    const written = world.since(before, 'vol9').filter((entry) => entry.startsWith('write'));
    expect(written[0]).to.equal('write definition.vol9 g-');
    expect(written[1]).to.match(/^write volume\.vol9/);
    expect(names(world)).to.deep.equal(['vol0', 'vol9']);
    world.host('h1').attach('vol9');
    world.until(() => world.host('h1').isAttached('vol9'), 'vol9 serves h1');
  });

  it('survives the virtualizer, and is still what it was', () => {
    const world = serving();
    create(world);
    const { layout, sizeBytes } = world.record('vol9');
    world.startVirtualizer();
    world.untilState('serving', 'vol9');
    expect(world.record('vol9')).to.deep.include({ layout, sizeBytes });
  });

  it('is said twice with one effect; another one of that name is refused', () => {
    const world = serving();
    create(world);
    const before = world.diary.length;
    expect(world.command(verbs.createVolume, wanted())).to.include({ ok: true, state: 'serving' });
    expect(world.since(before, 'vol9').filter((entry) => entry.startsWith('write'))).to.be.empty;
    const other = world.command(verbs.createVolume, wanted({ size: '32MiB' }));
    expect(other).to.include({ ok: false, reason: 'refused' });
    expect(other).to.have.property('message').that.contains('vol9 exists already');
  });

  it('counts only when it is surely written, however the database answers', () => {
    for (const faults of [
      ['unknown, written'],
      ['unknown, not written'],
      ['unknown, late'],
      ['conflict', 'unknown, written'],
    ] as const) {
      const world = serving();
      world.database.faults = [...faults];
      create(world);
      expect(definition(world), faults.join()).to.have.property('state', 'wanted');
    }
    const world = serving();
    world.database.faults = Array.from({ length: 4 }, () => 'unknown, not written' as const);
    const answer = world.command(verbs.createVolume, wanted());
    expect(answer).to.include({ ok: false, reason: 'not-ready' });
    expect(names(world)).to.deep.equal(['vol0']);
    create(world);
  });

  const refused: readonly (readonly [string, object, RegExp])[] = [
    [
      'a disk that there is not',
      { layout: { mirror: ['d1', 'd9'] } },
      /no disk d9; there are d1, d2, d3, d4/,
    ],
    [
      'a size that does not divide',
      { layout: { stripe: { of: ['d1', 'd2', 'd3'] } } },
      /64MiB do not divide into rows of 3/,
    ],
    ['a size that is none', { size: 'huge' }, /volume\.size: .*"huge" is not a size/],
    [
      'more than there is',
      { size: '1GiB' },
      /disk d1 lacks .*: volume vol9 needs 1GiB of it, .* are free/,
    ],
    [
      'two mirrors on one disk',
      { layout: { mirror: ['d1', { concat: ['d1'] }] } },
      /its loss would take both/,
    ],
    ['a name that is taken', { id: 'vol0' }, /there is a volume vol0 already/],
    [
      'a coordinator that there is not',
      { coordinators: { map: 'modulo', switches: ['s9'] } },
      /no switch s9/,
    ],
    ['a key that nobody knows', { colour: 'red' }, /volume\.colour: unknown key/],
  ];
  for (const [what, more, problem] of refused)
    it(`is refused with ${what}, in words, and leaves nothing behind`, () => {
      const world = serving();
      const before = world.diary.length;
      const answer = world.command(verbs.createVolume, wanted(more));
      expect(answer).to.include({ ok: false, reason: 'refused' });
      expect(answer).to.have.property('message').that.matches(problem);
      expect(world.since(before, 'definition')).to.be.empty;
      expect(names(world)).to.deep.equal(['vol0']);
    });

  it('is refused with exports that nobody could serve', () => {
    const world = serving();
    create(world);
    const volume = wanted({}, 'vol8').volume;
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ host: 'h9', listen }, /exports\[0\]\.host: there is no host h9; there are h1, h2/],
      [{ host: 'h2', listen: 'nbd://127.0.0.1:10902' }, /volume vol8 is for h1, not for h2/],
      [{ host: 'h1', listen: 'http://x' }, /no address to listen on/],
      [{ host: 'h1', listen, name: 'vol9' }, /the name vol9 is taken/],
      [{ host: 'h1', listen: 'nbd://0.0.0.0:10901' }, /overlaps nbd:\/\/127\.0\.0\.1:10901/],
    ];
    for (const [one, problem] of cases) {
      const answer = world.command(verbs.createVolume, { volume, exports: [one] });
      expect(answer).to.include({ ok: false, reason: 'refused' });
      expect(answer).to.have.property('message').that.matches(problem);
    }
    const none = world.command(verbs.createVolume, {
      volume: { ...volume, hosts: ['h2'] },
      exports: [{ host: 'h2' }],
    });
    expect(none).to.have.property('message').that.contains('say where it listens');
    const shared = world.command(verbs.createVolume, { volume, exports: [{ host: 'h1' }] });
    expect(shared, 'the place of the host’s first export').to.include({ ok: true });
  });

  it('waits for a disk that is missing, and says which', () => {
    const world = serving();
    world.kill('d2');
    world.run(4000);
    const answer = world.command(verbs.createVolume, wanted());
    expect(answer).to.include({ ok: false, reason: 'not-ready' });
    expect(answer)
      .to.have.property('message')
      .that.matches(/d2 is missing/);
  });
});
