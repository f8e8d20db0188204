/** Topologies with something wrong: a small good one, bent, and what must be said of it. */
import { expect } from 'chai';
import { problemsOf, smallTopology, smallVolume, type Written } from './small-topology.ts';

/** What is written, and each problem that must be found, in order: these and no others. */
export type Refused = readonly [string, Written, ...RegExp[]];

export const disk = (id: string, change: Written = {}) => ({ id, size: '64MiB', ...change });
export const h1 = { id: 'h1', hbas: ['h1-a', 'h1-b'], exports: [{ volume: 'vol0' }] };
export const h2 = { id: 'h2', hbas: ['h2-a'] };
export const threeDisks = ['d1', 'd2', 'd3'].map((id) => disk(id));
export const small = smallTopology();
export const links = small.links as readonly unknown[];
export const linksOf = (...more: unknown[]) => ({ links: [...links, ...more] });
export const linksWithout = (...ends: string[]) => ({
  links: links.filter((link) => !(Array.isArray(link) && ends.some((end) => link.includes(end)))),
});
export const volume = (change: Written) => ({ volumes: [smallVolume(change)] });
export const layout = (form: unknown, change: Written = {}) => volume({ layout: form, ...change });
export const coordinators = (value: Written) => volume({ coordinators: value });

export function refuses(cases: readonly Refused[]): void {
  for (const [what, change, ...expected] of cases)
    it(`refuses ${what}`, () => {
      const problems = problemsOf(smallTopology(change));
      expected.forEach((pattern, index) => {
        expect(problems[index]).to.match(pattern);
      });
      expect(problems).to.have.length(expected.length);
    });
}
