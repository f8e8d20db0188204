/**
 * `npm test [-- WORDS FOR MOCHA]`: all tests, those in virtual time beside those with real processes. The last line of a
 * whole run is `N passed, N failed`.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './tidy/sources.ts';
import { type Lane, laneWords, runLanes, sumOf } from './tools/lanes.ts';

const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const reporter = join(root, 'dist/test/tools/summary-reporter.js');
const given = process.argv.slice(2);
const colours = process.stdout.isTTY ? ['--color'] : [];

const lanes = Object.entries(laneWords).map(
  ([name, words]): Lane => ({
    name,
    words: [mocha, ...colours, '--reporter', reporter, ...words, ...given],
  }),
);

const started = performance.now();
const results = await runLanes(lanes, process.stdout);
const { exitCode, line } = sumOf(results);
// Once more, at the end: what a lane prints is long, and of a long text often only the end is kept.
for (const { name, failures } of results)
  if (failures !== '') process.stdout.write(`\n${name}:\n${failures}\n`);
for (const { name, counts, exitCode: code } of results) {
  const said = counts === null ? 'broke off' : `${counts.passed} passed, ${counts.failed} failed`;
  process.stdout.write(`${name}: ${said}, exit code ${code}\n`);
}
process.stdout.write(`${((performance.now() - started) / 1000).toFixed(0)} s\n`);
if (line !== '') process.stdout.write(`${line}\n`);
process.exitCode = exitCode;
