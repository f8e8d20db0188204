/** A host that lets go of a volume is told so when that is decided, and not before: it does not ask again. */
import { expect } from 'chai';
import { type Answer, verbs } from '../../../protocols/commands.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

describe('a host that lets go of a volume', () => {
  let world: VirtualizerWorld;
  let answers: Answer[];
  const attached = () => world.record().attachments.map(({ host }) => String(host));
  const letGo = (virtualizer = 'v1') => {
    const host = world.host('h1');
    const request = host.attachRequest('vol0');
    host.actor.ask({ kind: 'virtualizer', id: virtualizer }, verbs.detach, request, 300, (answer) =>
      answers.push(answer),
    );
  };
  const outcomes = () => answers.map((answer) => (answer.ok ? 'ok' : answer.reason));
  beforeEach(() => {
    world = new VirtualizerWorld();
    world.startServing();
    answers = [];
  });

  it('is told so once that is written', () => {
    letGo();
    let attachedWhenTold: readonly string[] | null = null;
    world.until(() => {
      if (answers.length > 0) attachedWhenTold ??= attached();
      return answers.length > 0;
    }, 'an answer');
    expect(outcomes()).to.deep.equal(['ok']);
    expect(attachedWhenTold).to.deep.equal([]);
  });

  it('is told nothing while it cannot be written, and is told when it asks again', () => {
    world.database.isAvailable = false;
    letGo();
    world.run(400);
    expect(outcomes()).to.deep.equal(['timeout']);
    world.database.isAvailable = true;
    world.run(2000);
    letGo();
    world.until(() => answers.length > 1, 'an answer');
    expect(outcomes()).to.deep.equal(['timeout', 'ok']);
    expect(attached()).to.deep.equal([]);
  });

  it('is told nothing by a virtualizer that is lost before it has decided that; the next one knows nothing of it, and is asked again', () => {
    world.database.isAvailable = false;
    letGo();
    world.run(5);
    world.killVirtualizer();
    world.run(400);
    world.database.isAvailable = true;
    expect(outcomes()).to.deep.equal(['timeout']);
    expect(attached(), 'the decision was not made').to.deep.equal(['h1']);
    world.startVirtualizer('v2');
    world.untilState('serving');
    expect(attached(), 'nobody told the next one').to.deep.equal(['h1']);
    letGo('v2');
    world.until(() => answers.length > 1, 'an answer');
    expect(outcomes()).to.deep.equal(['timeout', 'ok']);
    expect(attached()).to.deep.equal([]);
  });

  it('is sent to the next one by a virtualizer that decides no more', () => {
    world.database.isAvailable = false;
    letGo();
    world.run(5);
    world.virtualizer.stop();
    world.run(5);
    expect(outcomes()).to.deep.equal(['inactive']);
  });

  it('is told at once when another process of it is attached, or none', () => {
    letGo();
    world.until(() => answers.length > 0, 'an answer');
    const before = world.database.values.get('volume.vol0')?.revision;
    letGo();
    world.run(5);
    expect(outcomes()).to.deep.equal(['ok', 'ok']);
    world.start('h1');
    letGo();
    world.run(5);
    expect(outcomes()).to.deep.equal(['ok', 'ok', 'ok']);
    expect(world.database.values.get('volume.vol0')?.revision).to.equal(before);
  });

  it('is told that it is overtaken when the same process asks for the volume again', () => {
    world.database.isAvailable = false;
    letGo();
    world.run(5);
    world.host('h1').attach('vol0');
    world.run(5);
    expect(outcomes()).to.deep.equal(['refused']);
    world.database.isAvailable = true;
    world.untilState('serving');
    expect(attached()).to.deep.equal(['h1']);
  });
});
