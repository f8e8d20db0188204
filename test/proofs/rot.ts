/**
 * The proof that nothing that rots on a disk reaches a consumer or another disk. A step is a round with a cluster of its own,
 * in which blocks of disk files change under load in all the ways that media and those who write to them are known to
 * change them, and, while it is stopped, what disks keep beside their blocks. What was damaged must be found by name, and
 * be good again on all mirrors wherever one of them had it.
 */
import { damageKindNames } from '../cluster/rot/damage-kinds.ts';
import { type RotData, type RotPlan, rotRound } from '../cluster/rot/rot-round.ts';
import type { Conclusion, Proof, ProofOptions, StepResult } from './proof.ts';

const rounds = { short: 1, long: 24 } as const;
/** What the long form must have come to, without what was damaged where nothing lay any more that counts. */
const corruptionsMin = 1000;
const eachKindMin = 20;

/** 50 corruptions. */
const plan: RotPlan = {
  inSync: { oneMirror: 24, written: 6, allMirrors: 4 },
  away: { elsewhereGood: 3, lone: 2, gone: 2 },
  metadata: { superblocks: 1, checkpoints: 1, tags: 3, journal: 4 },
};

export const rotProof: Proof = {
  name: 'rot',
  shows: `${corruptionsMin} corruptions of disk files, of bits and of blocks, misplaced and stale ones among them, are found by reads or by scrub, repaired where a good copy is, reported where none is, and neither given to consumers nor copied to another mirror`,
  shortForm: ['test/cluster/real/rot.test.ts'],
  steps: ({ length }) =>
    Array.from({ length: rounds[length] }, (_, index) => {
      const id = `round ${index + 1}`;
      return { id, run: () => rotRound({ name: id, plan }) };
    }),
  conclude: concludeRot,
};

function concludeRot(
  results: readonly StepResult[],
  { length }: Pick<ProofOptions, 'length'>,
): Conclusion {
  // A step that broke off has no data.
  const all = results.flatMap(({ data }) => (data === undefined ? [] : [data as RotData]));
  const sum = (count: (data: RotData) => number) =>
    all.reduce((total, data) => total + count(data), 0);
  const kinds = [
    ...new Set([...damageKindNames, ...all.flatMap((data) => Object.keys(data.byKind))]),
  ];
  const counts = kinds.map((kind) => ({ kind, times: sum(({ byKind }) => byKind[kind] ?? 0) }));
  const corruptions = sum((data) => data.corruptions);
  const { byRead, byScrub, overwritten, reported } = {
    byRead: sum(({ noticed }) => noticed.byRead),
    byScrub: sum(({ noticed }) => noticed.byScrub),
    overwritten: sum(({ noticed }) => noticed.overwritten),
    reported: sum(({ noticed }) => noticed.reported),
  };
  const few = counts.filter(({ times }) => times < eachKindMin);
  const problems = [
    ...(corruptions - overwritten < corruptionsMin ? [`only ${corruptions} corruptions`] : []),
    ...few.map(({ kind, times }) => `${kind}: ${times} times only`),
  ];
  return {
    problems: length === 'long' ? problems : [],
    lines: [
      `${corruptions} corruptions: ${counts.map(({ kind, times }) => `${kind} ${times}`).join(', ')}`,
      `while all mirrors were in sync: ${byRead} met by reads, ${byScrub} by scrub first, ${overwritten} where nothing lay that counts, for the disk had something newer, ${reported} bad on all mirrors and reported`,
      `${sum(({ goodReads }) => goodReads)} reads of what was damaged or lies beside it gave what was written`,
    ],
  };
}
