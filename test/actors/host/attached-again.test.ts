/** A volume that a host lets go and attaches again, when nobody knows whether the virtualizer heard of it. */
import { expect } from 'chai';
import type { Attachment } from '../../../actors/host/attachment.ts';
import { Status } from '../../../protocols/codes.ts';
import { unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { volume } from './control-data-sample.ts';
import { contentOf, HostWorld } from './host-world.ts';

const start = unitOf<VolumeOffset>(0);

describe('a volume that is attached again by the same process', () => {
  let world: HostWorld;
  const attachAgain = (): Attachment =>
    world.host.attach({ volume, mode: 'exclusive', readOnly: false });
  const askedLast = () => world.asked.filter(({ verb }) => verb === 'attach').at(-1)?.body;
  const write = () => world.driver.write(start, [contentOf(0, 4096)], false, () => {});

  /** Lets the volume go; no virtualizer hears of it. */
  function detachUnheard(): void {
    let left = false;
    const heard = world.control.onPublish;
    world.control.onPublish = () => {};
    world.host.detach(volume, () => {
      left = true;
    });
    for (let step = 0; step < 700 && !left; step++) {
      world.clock.runFor(10);
      world.answerAll(world.sent().filter(({ request }) => request.disk !== ''));
    }
    expect(left).to.equal(true);
    world.control.onPublish = heard;
  }

  beforeEach(() => {
    world = new HostWorld();
    world.serve({ cachingSwitches: ['s1', 's2'] });
  });

  it('does not go on under its former attach epoch: caches may hold what that one and as many writes fit', () => {
    detachUnheard();
    const again = attachAgain();
    world.clock.runFor(300);
    expect(again.state, 'the virtualizer still says what it decided before').to.equal('attaching');
    expect(askedLast()).to.include({ lostEpoch: 5 });
    world.publish({ generation: 2, attachEpoch: 6, cachingSwitches: ['s1', 's2'] });
    expect(again.state).to.equal('serving');
    again.volume?.read(start, 4096, () => {});
    expect(world.sent()[0]?.request).to.include({ attachEpoch: 6, regionWrites: 0 });
  });

  it('says to a new coordinator that nobody knows what was unfinished under the former one', () => {
    write();
    world.sent();
    expect(world.attachment.unfinished(5)).to.include({ ok: true });
    detachUnheard();
    const again = attachAgain();
    world.clock.runFor(300);
    expect(again.unfinished(5)).to.include({ ok: false, reason: 'not-ready' });
    expect(again.unfinished(6)).to.include({ ok: true });
  });

  it('does not forget an epoch that it had lost before it let the volume go', () => {
    world.driver.write(start, [contentOf(0, 4096)], false, (status) =>
      expect(status).to.equal(Status.path),
    );
    world.clock.runFor(10_100);
    expect(world.attachment.state).to.equal('lost');
    detachUnheard();
    attachAgain();
    expect(askedLast()).to.include({ lostEpoch: 5 });
  });

  it('may have any epoch when it was never served before', () => {
    world = new HostWorld();
    detachUnheard();
    attachAgain();
    expect(askedLast()).to.not.have.property('lostEpoch');
  });
});
