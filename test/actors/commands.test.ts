import { expect } from 'chai';
import { Actor } from '../../actors/actor.ts';
import { VirtualClock } from '../../cluster/simulation/clock.ts';
import { SimulatedNetwork } from '../../cluster/simulation/network.ts';
import { SimulatedProcess } from '../../cluster/simulation/process.ts';
import { SeededRandom } from '../../cluster/simulation/random.ts';
import { type Answer, refusal, verbs } from '../../protocols/commands.ts';
import { type ClusterId, idOf } from '../../protocols/ids.ts';
import type { Log } from '../../protocols/ports.ts';
import { type Incarnation, unitOf } from '../../protocols/units.ts';

const ignore = () => {};
const log: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const workMs = 1.25;
const busyRefusal = refusal('not-ready', 'busy until tomorrow');

/** Two actors: one works for a while, or refuses, or never answers; the other asks. */
function twoActors() {
  const clock = new VirtualClock();
  const random = new SeededRandom('commands');
  const server = new SimulatedNetwork({ clock, random }).server('f1');
  const actorOf = (id: string) => {
    const process = new SimulatedProcess(clock, id);
    const control = server.connect({ process, role: 'control', log });
    const ports = {
      cluster: idOf<ClusterId>('test'),
      control,
      clock: process.clock,
      random: random.fork(id),
      log,
    };
    const describe = () => ({ state: 'well', facts: {} });
    return {
      actor: new Actor({ kind: 'disk', id }, unitOf<Incarnation>(1), ports, describe),
      clock: process.clock,
    };
  };
  const { actor: worker, clock: workerClock } = actorOf('worker');
  worker.onCommand('work', (_, answer) => {
    workerClock.setTimeout(() => answer({ ok: true }), workMs);
  });
  worker.onCommand('refuse', (_, answer) => answer(busyRefusal));
  worker.onCommand('brood', () => {});
  const { actor: asker } = actorOf('asker');
  worker.start();
  asker.start();
  return {
    worker,
    ask(verb: string): Answer {
      let answer: Answer | null = null;
      asker.ask(worker.address, verb, {}, 1000, (result) => {
        answer = result;
      });
      while (answer === null) if (!clock.runNext()) throw new Error('nobody answers');
      return answer;
    },
    counters(verb: string) {
      const found = worker.commands.find((each) => each.verb === verb);
      if (found === undefined) throw new Error(`the worker does not answer ${verb}`);
      return { ...found.counters };
    },
  };
}

describe('commands of an actor', () => {
  it('are counted by verb: requests, and the time until each answer in whole nanoseconds', () => {
    const { ask, counters } = twoActors();
    for (let count = 1; count <= 3; count++) {
      expect(ask('work').ok).to.equal(true);
      const { requests, errors, processingNs, lastError } = counters('work');
      expect({ requests, errors, lastError }).to.deep.equal({
        requests: count,
        errors: 0,
        lastError: '',
      });
      expect(processingNs).to.equal(count * workMs * 1e6);
    }
    expect(counters(verbs.describe).requests).to.equal(0);
  });

  it('that are refused are errors, and the last refusal is told', () => {
    const { ask, counters } = twoActors();
    ask('refuse');
    expect(ask('refuse')).to.deep.equal(busyRefusal);
    expect(counters('refuse')).to.include({
      requests: 2,
      errors: 2,
      lastError: 'not-ready: busy until tomorrow',
    });
  });

  it('that are not answered yet are requests all the same', () => {
    const { ask, counters } = twoActors();
    expect(ask('brood')).to.include({ ok: false, reason: 'timeout' });
    expect(counters('brood')).to.include({ requests: 1, errors: 0, processingNs: 0 });
  });

  it('that nobody knows are refused, and cost no memory however many there are', () => {
    const { ask, worker } = twoActors();
    const before = worker.commands.length;
    for (let index = 0; index < 100; index++)
      expect(ask(`verb-${index}`)).to.include({ ok: false, reason: 'unknown' });
    expect(worker.commands.length).to.equal(before);
  });
});
