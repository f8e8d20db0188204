/** A partition between two actors, as the injectors of their processes carry it out over a simulated network. */
import { expect } from 'chai';
import { FaultInjector } from '../../../cluster/faults/fault-injector.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { defaultTopologyFile, readTopologyFile } from '../../../cluster/topology-file.ts';
import { type Fault, type FaultTarget, faultText } from '../../../protocols/faults.ts';
import { type ActorAddress, idOf, type LinkId } from '../../../protocols/ids.ts';
import type { Bus, Log } from '../../../protocols/ports.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { bytes, Recorder, record } from '../../ports/bus-world.ts';
import { ignore, NetworkWorld } from '../simulation/network-world.ts';

const log: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const host = { kind: 'host', id: 'h1' } as const;
const hba = { kind: 'hba', id: 'h1-a' } as const;
const switchOne = { kind: 'switch', id: 's1' } as const;
const switchTwo = { kind: 'switch', id: 's2' } as const;
const virtualizer = { kind: 'virtualizer', id: 'v1' } as const;

function defaultTopology(): Topology {
  const read = readTopologyFile(defaultTopologyFile);
  if (!read.ok) throw new Error('the default topology is refused');
  return read.topology;
}

/** A process with one actor: its connections, with faults around them. */
interface Part {
  readonly injector: FaultInjector;
  readonly io: Bus;
  readonly control: Bus;
}

class PartedWorld {
  readonly network = new NetworkWorld();
  readonly topology = defaultTopology();
  readonly subjects = subjectsOf(this.topology.cluster);
  readonly host = this.#part(host, hba);
  readonly switchOne = this.#part(switchOne);
  readonly switchTwo = this.#part(switchTwo);
  readonly virtualizer = this.#part(virtualizer);
  /** Who was told that nobody listens. */
  readonly told = new Recorder();

  constructor() {
    const { subjects } = this;
    const toldAt = (bus: Bus, subject: string) =>
      bus.subscribe(subject, {
        message: ignore,
        noResponders: (on) => this.told.noResponders(on),
      });
    toldAt(this.host.io, subjects.replies(hba));
    toldAt(this.host.control, subjects.commandReplies(host));
    toldAt(this.switchTwo.control, subjects.commandReplies(switchTwo));
  }

  get #all(): readonly Part[] {
    return [this.host, this.switchOne, this.switchTwo, this.virtualizer];
  }

  /** In every process, as those do that are told of all faults. @returns in how many something changed */
  inject(fault: Fault): number {
    return this.#all.filter(({ injector }) => injector.inject(fault)).length;
  }

  heal(target: FaultTarget): readonly string[] {
    return this.#all.flatMap(({ injector }) => injector.heal(target)).map(faultText);
  }

  /** Has everything said that host and switch can say to each other. @returns what was heard */
  exchange(): readonly string[] {
    const { subjects } = this;
    const io = subjects.io(switchTwo, idOf('h1-a-s2'));
    const ways = [
      ['frame', this.host.io, io, this.switchTwo.io, io, subjects.reply(hba, 1)],
      ['answer', this.switchTwo.io, subjects.reply(hba, 2), this.host.io, subjects.replies(hba)],
      ...this.#commandWays('host', this.host, host, this.switchTwo, switchTwo),
      ...this.#commandWays('switch', this.switchTwo, switchTwo, this.host, host),
    ] as const;
    return ways.flatMap(([what, from, subject, to, heardOn, reply]) => {
      const recorder = new Recorder();
      const cancel = to.subscribe(heardOn, recorder);
      from.publish(subject, bytes(what), reply);
      this.network.clock.runFor(10);
      cancel();
      return recorder.log.length > 0 ? [what] : [];
    });
  }

  #commandWays(who: string, from: Part, sender: ActorAddress, to: Part, receiver: ActorAddress) {
    const { subjects } = this;
    const answerTo = subjects.commandReply(sender, 1);
    const way = (what: string, subject: string, heardOn: string, reply = '') =>
      [`${what} of ${who}`, from.control, subject, to.control, heardOn, reply] as const;
    return [
      way('command', subjects.command(receiver, 'ping'), subjects.commands(receiver), answerTo),
      way('reply', subjects.commandReply(receiver, 7), subjects.commandReplies(receiver)),
      way('event', subjects.event(sender, 'hello'), subjects.eventsOf(sender.kind, 'hello')),
      way('telemetry', subjects.telemetry(sender), subjects.telemetriesOf(sender.kind)),
    ];
  }

  #part(actor: ActorAddress, port: ActorAddress = actor): Part {
    const { clock } = this.network;
    const random = new SeededRandom(actor.id);
    const injector = new FaultInjector({ topology: this.topology, clock, random, log });
    return {
      injector,
      io: injector.bus(port, this.network.connect(actor.id)),
      control: injector.control(actor, this.network.connect(actor.id, 'control')),
    };
  }
}

const ofHost = ['frame', 'command of host', 'reply of host', 'event of host', 'telemetry of host'];
const ofSwitch = [
  'answer',
  'command of switch',
  'reply of switch',
  'event of switch',
  'telemetry of switch',
];

describe('a partition between two actors', () => {
  let world: PartedWorld;
  beforeEach(() => {
    world = new PartedWorld();
  });

  const cuts: readonly (readonly [Fault, readonly string[], string])[] = [
    [{ kind: 'cut', target: 'partition:h1/s2' }, [], 'nothing passes'],
    [{ kind: 'cut', target: 'partition:s2/h1' }, [], 'nothing passes'],
    [{ kind: 'one-way', target: 'partition:h1/s2' }, ofSwitch, 'all that the second says passes'],
    [{ kind: 'one-way', target: 'partition:s2/h1' }, ofHost, 'all that the second says passes'],
  ];
  for (const [fault, heard, what] of cuts)
    it(`${faultText(fault)}: ${what}, and nobody is told that nobody listens`, () => {
      expect(world.exchange()).to.have.members([...ofHost, ...ofSwitch]);
      world.inject(fault);
      expect(world.exchange()).to.have.members(heard);
      expect(world.told.refusals).to.deep.equal([]);
      world.heal(fault.target);
      expect(world.exchange()).to.have.members([...ofHost, ...ofSwitch]);
    });

  it('takes no message with it that goes between others', () => {
    const { subjects, network } = world;
    world.inject({ kind: 'cut', target: 'partition:h1/s2' });
    const io = subjects.io(switchOne, idOf('s1-s2'));
    const heard = [
      record(world.switchOne.io, io),
      record(world.switchOne.control, subjects.eventsOf('host', 'hello')),
      record(world.switchOne.control, subjects.telemetriesOf('switch')),
      record(world.virtualizer.control, subjects.commands(virtualizer)),
    ];
    world.switchTwo.io.publish(io, bytes('frame'));
    world.host.control.publish(subjects.event(host, 'hello'), bytes('hello'));
    world.switchTwo.control.publish(subjects.telemetry(switchTwo), bytes('telemetry'));
    world.host.control.publish(subjects.command(virtualizer, 'ping'), bytes('ping'));
    network.clock.runFor(10);
    expect(heard.map((each) => each.log.length)).to.deep.equal([1, 1, 1, 1]);
  });

  it('keeps control data from a host that its virtualizer cannot reach', () => {
    const { subjects, network } = world;
    const subject = subjects.controlData(idOf('vol0'), idOf('h1'));
    const heard = record(world.host.control, subject);
    world.inject({ kind: 'one-way', target: 'partition:v1/h1' });
    world.virtualizer.control.publish(subject, bytes('lost'));
    network.clock.runFor(10);
    world.heal('partition:v1/h1');
    world.virtualizer.control.publish(subject, bytes('found'));
    network.clock.runFor(10);
    expect(heard.log).to.deep.equal([`${subject} found`]);
  });

  it('of one HBA takes its I/O alone: commands are its host’s', () => {
    world.inject({ kind: 'cut', target: 'partition:h1-a/s2' });
    const commands = [...ofHost, ...ofSwitch].filter((each) => !/^(frame|answer)$/.test(each));
    expect(world.exchange()).to.have.members(commands);
    world.heal('partition:h1-a/s2');
    world.inject({ kind: 'cut', target: 'partition:h1-b/s2' });
    expect(world.exchange(), 'another HBA').to.have.members([...ofHost, ...ofSwitch]);
  });

  it('is the same from either end, and one way is not the other', () => {
    expect(world.inject({ kind: 'cut', target: 'partition:h1/s2' })).to.equal(4);
    expect(world.inject({ kind: 'cut', target: 'partition:s2/h1' })).to.equal(0);
    world.inject({ kind: 'one-way', target: 'partition:h1/s2' });
    expect(world.inject({ kind: 'one-way', target: 'partition:s2/h1' })).to.equal(4);
    expect(new Set(world.heal('partition:s2/h1'))).to.deep.equal(
      new Set([
        'partition:h1/s2 cut',
        'partition:h1/s2 one-way: s2 does not hear h1',
        'partition:s2/h1 one-way: h1 does not hear s2',
      ]),
    );
    expect(world.exchange()).to.have.members([...ofHost, ...ofSwitch]);
  });

  it('loses a frame that waited when it came, and leaves a link that is down to say so', () => {
    const { subjects, network } = world;
    const link = idOf<LinkId>('h1-a-s2');
    const io = subjects.io(switchTwo, link);
    const heard = record(world.switchTwo.io, io);
    world.inject({ kind: 'slow', target: 'link:h1-a-s2', delayMs: 100 });
    world.host.io.publish(io, bytes('lost'), subjects.reply(hba, 1));
    world.inject({ kind: 'cut', target: 'partition:h1/s2' });
    network.clock.runFor(500);
    expect([heard.log, world.told.refusals]).to.deep.equal([[], []]);
    world.heal('link:h1-a-s2');
    world.inject({ kind: 'down', target: 'link:h1-a-s2' });
    world.host.io.publish(io, bytes('lost'), subjects.reply(hba, 2));
    network.clock.runFor(500);
    expect(world.told.refusals).to.deep.equal([subjects.reply(hba, 2)]);
  });
});
