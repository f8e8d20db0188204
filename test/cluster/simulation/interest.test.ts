import { expect } from 'chai';
import fc from 'fast-check';
import { Interest, type Listener } from '../../../cluster/simulation/interest.ts';

/** A second opinion: token by token, without tree, map or memory. */
function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const tokens = subject.split('.');
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return tokens.length > index;
    if (tokens[index] === undefined || (token !== '*' && token !== tokens[index])) return false;
  }
  return tokens.length === wanted.length;
}

const token = fc.constantFrom('a', 'b', 'c');
const subjects = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
const patterns = fc
  .tuple(
    fc.array(fc.constantFrom('a', 'b', '*'), { minLength: 0, maxLength: 3 }),
    fc.constantFrom('a', 'c', '*', '>'),
  )
  .map(([tokens, last]) => [...tokens, last].join('.'));

describe('interest', () => {
  it('finds everybody who listens, in the order in which they began, while they come and go', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ what: fc.constant('add' as const), subject: patterns }),
        fc.record({ what: fc.constant('remove' as const), pick: fc.nat() }),
        fc.record({ what: fc.constant('match' as const), subject: subjects }),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const interest = new Interest<Listener>();
        const listening: Listener[] = [];
        for (const [order, step] of all.entries()) {
          if (step.what === 'add') {
            const listener = { subject: step.subject, order };
            listening.push(listener);
            interest.add(listener);
          } else if (step.what === 'remove') {
            const [gone] = listening.splice(step.pick % Math.max(1, listening.length), 1);
            if (gone === undefined) continue;
            interest.remove(gone);
            interest.remove(gone);
          } else {
            const expected = listening.filter(({ subject }) => matches(subject, step.subject));
            expect(interest.match(step.subject)).to.deep.equal(expected);
          }
        }
      }),
    );
  });
});
