import { expect } from 'chai';
import { Actor } from '../../actors/actor.ts';
import { VirtualClock } from '../../cluster/simulation/clock.ts';
import { SeededRandom } from '../../cluster/simulation/random.ts';
import type { Answer } from '../../protocols/commands.ts';
import type { ClusterId } from '../../protocols/ids.ts';
import type { Incarnation } from '../../protocols/units.ts';
import { FakeNetwork } from './virtualizer/fake-network.ts';

describe('questions', () => {
  it('an answer to a former process of the asker is not taken for an answer to the present one', () => {
    const clock = new VirtualClock();
    const network = new FakeNetwork(clock);
    const cluster = 'test' as ClusterId;
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    const actorOf = (kind: 'virtualizer' | 'disk', incarnation: number) => {
      const ports = {
        cluster,
        control: network.open(),
        clock,
        random: new SeededRandom(incarnation),
        log,
      };
      const id = `${kind}1`;
      const actor = new Actor({ kind, id }, incarnation as Incarnation, ports, () => ({
        state: '',
        facts: {},
      }));
      return actor;
    };
    const disk = actorOf('disk', 1);
    const heldBack: (() => void)[] = [];
    disk.onCommand('do', (body, answer) => {
      heldBack.push(() => answer({ ok: true, ...(body as object) }));
    });
    disk.start();
    const asked = { kind: 'disk', id: 'disk1' } as const;
    const former = actorOf('virtualizer', 2 ** 47 + 5);
    former.start();
    former.ask(asked, 'do', { asker: 'former' }, 1000, () => {});
    clock.runFor(10);
    former.stop();

    const answers: Answer[] = [];
    const present = actorOf('virtualizer', 2 ** 47 + 6);
    present.start();
    present.ask(asked, 'do', { asker: 'present' }, 1000, (answer) => answers.push(answer));
    clock.runFor(10);
    for (const answer of heldBack) answer();
    clock.runFor(10);
    expect(answers).to.deep.equal([{ ok: true, asker: 'present' }]);
  });
});
