/**
 * The proof that power cuts take nothing that was flushed: the power fails behind every entry of what disks, and whole
 * SANs, are recorded to do. A step is a recording, divided among processes by its points. What a resync copies is not
 * held against regions that were dirty: there is no dirty region log yet.
 */
import { type CutReport, cutsText, joined } from '../cluster/power-cuts/cut-report.ts';
import { mochaStep } from './mocha-step.ts';
import { programStep } from './program-step.ts';
import type { Proof, ProofLength, ProofOptions, ProofStep, StepOutcome } from './proof.ts';

const program = 'test/cluster/power-cuts/main.js';
const brokenDisks = 'test/cluster/power-cuts/broken-disks.test.ts';
const problemsShown = 3;
/** Prefixes of logs of whole SANs, or of disks, that the long form must have come to. */
const pointsMin = 5000;

interface Family {
  readonly what: string;
  readonly recordings: Readonly<Record<ProofLength, number>>;
  /** Of so many neighbouring points one is looked at. */
  readonly every: Readonly<Record<ProofLength, number>>;
}

const families: readonly Family[] = [
  { what: 'disk', recordings: { short: 2, long: 16 }, every: { short: 8, long: 1 } },
  { what: 'default', recordings: { short: 1, long: 4 }, every: { short: 40, long: 1 } },
  { what: 'two-tier', recordings: { short: 1, long: 3 }, every: { short: 60, long: 1 } },
];

export const powerCutsProof: Proof = {
  name: 'power-cuts',
  shows:
    'a power cut at any moment takes nothing that was acknowledged and flushed, tears no block and has none called rotten; ' +
    'a disk forgets no I/O and no fence; volumes serve again, with one answer to each question and equal mirrors',
  shortForm: ['test/cluster/power-cuts/power-cuts.test.ts', brokenDisks],
  steps: (options) => [
    ...families.flatMap((family) => stepsOf(family, options)),
    mochaStep(brokenDisks, options.length),
  ],
  conclude: (results, { length }) => {
    const reports = results.flatMap(({ id, data }) =>
      data === undefined ? [] : [{ id, report: data as CutReport }],
    );
    const ofDisks = reports.filter(({ id }) => id.startsWith('disk:'));
    const ofSans = reports.filter(({ id }) => !id.startsWith('disk:'));
    const sums = [ofDisks, ofSans].map((each) => joined(each.map(({ report }) => report)));
    const tooFew = length === 'long' && sums.some(({ points }) => points < pointsMin);
    return {
      problems: tooFew ? [`fewer than ${pointsMin} points of disks, or of SANs`] : [],
      lines: sums.map((sum, index) => `${index === 0 ? 'disks' : 'SANs'}: ${cutsText(sum)}`),
    };
  },
};

function stepsOf(family: Family, { length, jobs }: ProofOptions): readonly ProofStep[] {
  const { what, recordings, every } = family;
  return Array.from({ length: recordings[length] }, (_, index) => {
    const name = `${what}:${index + 1}`;
    return { id: name, run: () => cutInShares(name, every[length], jobs) };
  });
}

/** Each process takes every so manieth point. */
async function cutInShares(name: string, every: number, jobs: number): Promise<StepOutcome> {
  const shares = Array.from({ length: jobs }, (_, job) => [
    ...[program, name, '--every', String(every * jobs)],
    ...['--first', String(every * job)],
  ]);
  const outcomes = await Promise.all(
    shares.map((words) => programStep('', { words, outcomeOf }).run()),
  );
  const sum = joined(
    outcomes.flatMap(({ data }) => (data === undefined ? [] : [data as CutReport])),
  );
  const data = { ...sum, recordings: 1, entries: sum.entries / Math.max(sum.recordings, 1) };
  return { said: cutsText(data), problems: outcomes.flatMap(({ problems }) => problems), data };
}

function outcomeOf(output: string, _: boolean, ending: string): StepOutcome {
  const line = output.split('\n').findLast((each) => each.startsWith('{"recordings"'));
  if (line === undefined)
    return { said: 'broke off', problems: [`ended with ${ending}:\n${output}`] };
  const report = JSON.parse(line) as CutReport;
  const problems = report.failed.map(
    ({ name, problems: own }) => `${name}: ${own.slice(0, problemsShown).join('; ')}`,
  );
  return { said: cutsText(report), problems, data: report };
}
