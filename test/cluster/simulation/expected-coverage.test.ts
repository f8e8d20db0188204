import { expect } from 'chai';
import {
  type CoverageCounts,
  emptyCoverage,
  mirrorChanges,
} from '../../../cluster/simulation/coverage.ts';
import { possiblePolicyNames } from '../../../cluster/simulation/drawn-policies.ts';
import {
  type Exemptions,
  exemptions,
  missingFrom,
  untrueExemptions,
} from '../../../cluster/simulation/expected-coverage.ts';
import { faultNames } from '../../../cluster/simulation/faults.ts';
import { possibleTransitions } from '../../../cluster/simulation/machine-transitions.ts';
import { Status } from '../../../protocols/codes.ts';

const transition = 'disk: serving > stopping on stop.requested';
const noExemptions: Exemptions = { codes: [], transitions: [] };

function onceOf(names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, 1]));
}

/** Of a batch that met everything there is. */
function everything(): CoverageCounts {
  return {
    ...emptyCoverage(),
    policies: onceOf(possiblePolicyNames),
    codes: onceOf(Object.keys(Status)),
    transitions: onceOf(possibleTransitions()),
    reads: onceOf(['disk', 'cache']),
    loadMoves: onceOf(['leaves', 'returns']),
    mirrors: onceOf(mirrorChanges),
    faults: onceOf(faultNames),
    faultsInFlight: onceOf(faultNames),
  };
}

describe('what a batch of seeds must have met', () => {
  it('nothing is missing when every fault, code and transition occurred', () => {
    expect(missingFrom(everything(), noExemptions)).to.deep.equal([]);
  });

  it('a policy that was never in force, a fault that never met I/O, a code and a transition that never occurred are each missing', () => {
    const counts = everything();
    delete counts.faultsInFlight.crashDisk;
    delete counts.codes.busy;
    delete counts.transitions[transition];
    delete counts.policies['route firstHop'];
    expect(missingFrom(counts, noExemptions)).to.deep.equal([
      'policy route firstHop',
      'fault crashDisk',
      'code busy',
      `transition ${transition}`,
    ]);
  });

  it('what is exempt may be missing, and must not occur', () => {
    const exempt: Exemptions = {
      codes: [{ why: 'nobody is busy', what: ['busy'] }],
      transitions: [{ why: 'disks never stop', what: [transition] }],
    };
    const counts = everything();
    expect(untrueExemptions(counts, exempt)).to.deep.equal([
      'code busy',
      `transition ${transition}`,
    ]);
    delete counts.codes.busy;
    delete counts.transitions[transition];
    expect(missingFrom(counts, exempt)).to.deep.equal([]);
    expect(untrueExemptions(counts, exempt)).to.deep.equal([]);
  });

  it('what is rare may be missing, and may occur, but must exist', () => {
    const what = [transition, 'disk: serving > dancing on music'];
    const exempt = {
      ...noExemptions,
      transitions: [{ why: 'disks seldom stop', what, isRare: true }],
    };
    const counts = everything();
    const untrue = ['transition disk: serving > dancing on music'];
    expect(untrueExemptions(counts, exempt)).to.deep.equal(untrue);
    delete counts.transitions[transition];
    expect(untrueExemptions(counts, exempt)).to.deep.equal(untrue);
    expect(missingFrom(counts, exempt)).to.deep.equal([]);
  });

  it('an exemption of something that does not exist is untrue', () => {
    const exempt = { ...noExemptions, codes: [{ why: 'it was renamed', what: ['lazy'] }] };
    expect(untrueExemptions(everything(), exempt)).to.deep.equal(['code lazy']);
  });

  it('every exemption is of something that exists, once, and says why', () => {
    expect(untrueExemptions(emptyCoverage(), exemptions)).to.deep.equal([]);
    const all = [...exemptions.codes, ...exemptions.transitions];
    const names = all.flatMap(({ what }) => what);
    expect(new Set(names).size).to.equal(names.length);
    for (const { why } of all) expect(why).to.match(/\w+ \w+/);
  });
});
