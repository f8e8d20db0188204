import { expect } from 'chai';
import { Hba, type HbaListener } from '../../../actors/hba/hba.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { encodeReply, encodeRequest } from '../../../protocols/frames/frame.ts';
import { idOf } from '../../../protocols/ids.ts';
import { unitOf } from '../../../protocols/units.ts';
import { sampleReply, sampleRequest } from '../../protocols/frames/samples.ts';
import { ManualBus } from '../host/manual-bus.ts';

describe('an HBA (B1)', () => {
  let io: ManualBus;
  let hba: Hba;
  let heard: string[];
  let published: string[][];
  beforeEach(() => {
    io = new ManualBus();
    heard = [];
    published = [];
    io.onPublish = (subject, _, reply) => published.push([subject, reply]);
    const listener: HbaListener = {
      replied: (slot, reply) => heard.push(`reply ${slot} ${reply.ioNumber}`),
      unanswered: (_, slot) => heard.push(`unanswered ${slot}`),
      hbaChanged: ({ usable }) => heard.push(usable ? 'usable' : 'not usable'),
    };
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    hba = new Hba(
      {
        hba: idOf('h1-a'),
        links: [{ link: idOf('h1-a-s1'), receiver: { kind: 'switch', id: 's1' } }],
        io,
        creditBytesMax: 1000,
      },
      unitOf(9),
      {
        cluster: idOf('test'),
        control: new ManualBus(),
        clock: new VirtualClock(),
        random: new SeededRandom(1),
        log,
      },
      listener,
    );
    hba.start();
  });

  it('sends over its links, each frame with its own reply subject for the slot', () => {
    expect(hba.send(0, new Uint8Array(10), 17)).to.equal('sent');
    expect(published).to.deep.equal([
      ['san.v1.test.io.switch.s1.h1-a-s1', 'san.v1.test.rpl.hba.h1-a.17'],
    ]);
    expect(hba.counters).to.include({ sentFrames: 1, sentBytes: 10 });
    expect(hba.linkIndex(idOf('h1-a-s9'))).to.equal(-1);
  });

  it('hands replies and “nobody listens” to the slot that they are for', () => {
    io.deliver('san.v1.test.rpl.hba.h1-a.17', encodeReply(sampleReply));
    io.noResponders('san.v1.test.rpl.hba.h1-a.3');
    io.deliver('san.v1.test.rpl.hba.h1-b.17', encodeReply(sampleReply));
    expect(heard).to.deep.equal(['usable', `reply 17 ${sampleReply.ioNumber}`, 'unanswered 3']);
  });

  it('counts what is no reply frame, and is not harmed by it', () => {
    const subject = 'san.v1.test.rpl.hba.h1-a.17';
    io.deliver(subject, new Uint8Array([1, 2, 3]));
    io.deliver(subject, encodeRequest(sampleRequest, [new Uint8Array(4096)]));
    expect(heard).to.deep.equal(['usable']);
    expect(hba.counters.invalidFrames).to.equal(2);
  });

  it('follows its connection, and tells whether it can be used', () => {
    io.setState('disconnected');
    expect(hba.send(0, new Uint8Array(1), 0)).to.equal('disconnected');
    io.setState('connected');
    io.setState('closed');
    io.setState('connected');
    expect(heard).to.deep.equal(['usable', 'not usable', 'usable', 'not usable']);
    expect(hba.state).to.equal('closed');
    expect(hba.counters.unsent).to.equal(1);
  });

  it('reports which of its links are down', () => {
    const stateOf = () => (hba.facts().links as { state: string }[])[0]?.state;
    hba.linkChanged(idOf('h1-a-s1'), false);
    expect(stateOf()).to.equal('down');
    hba.linkChanged(idOf('h1-a-s1'), true);
    expect(stateOf()).to.equal('up');
    hba.linkChanged(idOf('another'), false);
    expect(stateOf()).to.equal('up');
  });

  it('bounds the bytes under way', () => {
    expect(hba.credits.take(600)).to.equal(true);
    expect(hba.credits.take(600)).to.equal(false);
    hba.credits.give(600);
    expect(hba.credits.take(600)).to.equal(true);
  });
});
