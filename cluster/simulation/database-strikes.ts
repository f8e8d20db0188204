/** What befalls the config database, beyond spells of lost and late requests. */
import { crashOf } from './process-strikes.ts';
import { type Strike, spellOf } from './strike.ts';

const percent = 10_000;
const crashVirtualizer = crashOf('virtualizer');

export const databasePause: Strike = ({ world }, random) => {
  if (world.database.state !== 'up') return null;
  const pausedMs = random.between(100, 4000);
  world.database.pause();
  world.clock.setTimeout(() => world.database.resume(), pausedMs);
  return `for ${pausedMs.toFixed(0)} ms`;
};

/**
 * Reads give what stood there before. Half the time the virtualizer dies meanwhile, just after a volume was made or
 * deleted: its successor must not take the old answer for what is.
 */
export const databaseOld: Strike = (targets, random) => {
  const { world, operator, later } = targets;
  const spell = spellOf((drawn) => ({ database: { oldReads: drawn.integer(60) * percent } }), 6000)(
    targets,
    random,
  );
  const afterMs = random.between(300, 2500);
  const actor = random.fork('operator');
  if (random.integer(2) === 0 || !world.database.syncsEveryWrite) return spell;
  const what = operator.act(actor);
  later(afterMs, () => crashVirtualizer(targets, actor));
  return `${spell}; ${what ?? 'nothing new'}, and the virtualizer dies ${afterMs.toFixed(0)} ms later`;
};
