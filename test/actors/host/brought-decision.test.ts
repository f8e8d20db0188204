/** Control data in band (DESIGN V2): what the refusal of an older generation brings, and what a host makes of it. */
import { expect } from 'chai';
import { encodeJson } from '../../../actors/json.ts';
import { Status } from '../../../protocols/codes.ts';
import { unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import type { ControlDataOptions } from './control-data-sample.ts';
import { contentOf, HostWorld, type SentFrame } from './host-world.ts';

const at = (offset: number) => unitOf<VolumeOffset>(offset);
const stale = { status: Status.staleGeneration, detail: { generation: unitOf(2) } } as never;

describe('a host whose request is refused for an older generation', () => {
  let world: HostWorld;
  let ended: Status[];
  const write = () =>
    world.driver.write(at(0), [contentOf(0, 4096)], false, (status) => ended.push(status));
  const onlySent = () => {
    const [frame, ...more] = world.sent();
    if (frame === undefined || more.length > 0) throw new Error('not one frame was sent');
    return frame;
  };
  /** The refusal of a frame, with a decision. */
  const bring = (frame: SentFrame, options: ControlDataOptions) => {
    const { host: _, state: __, reason: ___, ...decision } = world.data(options);
    world.answer(frame, { outcome: stale }, [encodeJson(decision)]);
  };
  beforeEach(() => {
    world = new HostWorld();
    ended = [];
    world.serve();
    // From here on the virtualizer tells nothing.
    world.controlData = null;
    world.clock.runFor(300);
    world.sent();
    world.asked.splice(0);
  });

  it('goes on at once under the decision that the refusal brings, where its epochs are the same', () => {
    write();
    bring(onlySent(), { generation: 2 });
    world.clock.runFor(1);
    const again = onlySent();
    expect(again.request).to.include({ generation: 2, attempt: 1 });
    world.answerAll([again]);
    expect(ended).to.deep.equal([Status.ok]);
    expect(world.host.facts()).to.have.nested.property('counters.decisionsBrought', 1);
  });

  it('takes one that goes on without a mirror, and waits to be told that the volume serves', () => {
    const without = { mirrors: { m0: ['stale', 'in-sync'] } } as const;
    const renewed = { generation: 2, attachEpoch: 6, firstEpoch: 5, partitionEpoch: 20 };
    write();
    bring(onlySent(), { ...renewed, ...without });
    expect(world.host.facts()).to.have.nested.property('counters.decisionsBrought', 1);
    world.publish({ ...renewed, ...without });
    world.clock.runFor(1);
    world.answerAll([onlySent()]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('waits to be told that the volume serves, where epochs are new: mirrors may not be equal yet', () => {
    write();
    bring(onlySent(), { generation: 2, attachEpoch: 6, firstEpoch: 5, partitionEpoch: 20 });
    expect(world.attachment.state).to.equal('interrupted');
    world.clock.runFor(1000);
    expect(world.sent()).to.be.empty;
    world.publish({ generation: 2, attachEpoch: 6, firstEpoch: 5, partitionEpoch: 20 });
    world.clock.runFor(1);
    const again = onlySent();
    expect(again.request).to.include({ generation: 2, attachEpoch: 6, partitionEpoch: 20 });
    world.answerAll([again]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('takes no decision for one that is of its own generation or older, of a deposed virtualizer, or damaged', () => {
    world.publish({ generation: 5, controlEpoch: 3 });
    write();
    let frame = onlySent();
    const refuseWith = (refuse: () => void) => {
      refuse();
      world.clock.runFor(1000);
      expect(world.attachment.state).to.equal('serving');
      const [again] = world.sent().slice(-1);
      expect(again?.request.generation).to.equal(5);
      frame = again ?? frame;
    };
    const renewed = { attachEpoch: 6, firstEpoch: 5, partitionEpoch: 20 };
    refuseWith(() => bring(frame, { ...renewed, generation: 5, controlEpoch: 3 }));
    refuseWith(() => bring(frame, { ...renewed, generation: 4, controlEpoch: 3 }));
    refuseWith(() => bring(frame, { generation: 9, controlEpoch: 2 }));
    refuseWith(() => world.answer(frame, { outcome: stale }, [encodeJson({ generation: 9 })]));
    refuseWith(() => world.answer(frame, { outcome: stale }, [new Uint8Array([1, 2, 3])]));
    expect(world.errors).to.be.empty;
    expect(world.host.facts()).to.have.nested.property('counters.decisionsBrought', 0);
  });

  it('that is not in the decision any more ends what it has open, and asks to be attached anew', () => {
    write();
    bring(onlySent(), { generation: 2, attachEpoch: 0 });
    expect(ended, 'not everybody has the decision yet').to.be.empty;
    world.publish({ generation: 2, attachEpoch: 0 });
    expect(ended).to.deep.equal([Status.path]);
    expect(world.attachment.state).to.equal('attaching');
  });
});
