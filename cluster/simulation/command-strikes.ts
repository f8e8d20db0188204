/** What befalls commands alone: their receiver is there, and never hears one kind of them. */
import { verbs } from '../../protocols/commands.ts';
import { subjectsOf } from '../../protocols/subjects.ts';
import { pickNode, type Strike } from './strike.ts';

/** Longer than a virtualizer waits for who is there; before an end it waits for hosts besides. */
const unheardMsMin = 11_500;
const unheardMsMax = 16_000;

/** A step of a decision never reaches one of those who must confirm it, just when there is one to be made. */
export const unheardCommand: Strike = ({ world, operator, crash }, random) => {
  const { cluster, disks, switches } = world.topology;
  const verb = random.pick([verbs.assemble, verbs.load, verbs.forget, verbs.unload] as const);
  const isOfDisks = verb === verbs.assemble || verb === verbs.forget;
  const receiver = isOfDisks
    ? ({ kind: 'disk', id: random.pick(disks).id } as const)
    : ({ kind: 'switch', id: random.pick(switches).id } as const);
  const lastsMs = random.between(unheardMsMin, unheardMsMax);
  const node = pickNode(world, random, 'switch');
  const actor = random.fork('operator');
  const isOfTheEnd = verb === verbs.forget || verb === verbs.unload;
  if (node === null || (isOfTheEnd && !(operator.wouldDelete && world.database.syncsEveryWrite)))
    return null;
  const subject = subjectsOf(cluster).command(receiver, verb);
  world.network.silence(subject);
  world.clock.setTimeout(() => world.network.endSilence(subject), lastsMs);
  if (isOfTheEnd) operator.act(actor);
  else crash(node);
  return `${verb} at ${receiver.id} for ${lastsMs.toFixed(0)} ms`;
};
