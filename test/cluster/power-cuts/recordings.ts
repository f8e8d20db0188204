/**
 * Recordings by name: `disk:SEED` is one disk at work, `default:SEED` and `two-tier:SEED` are whole SANs. In
 * `default:3@120` the power fails behind the first 120 entries of the log, and nowhere else. Everything follows from
 * the name.
 */
import type { CutReport, PointChoice } from './cut-report.ts';
import { cutDisk } from './disk-cuts.ts';
import type { Lie } from './disk-recording.ts';
import { cutSan } from './san-cuts.ts';
import { sanNames } from './small-sans.ts';

/** @throws RangeError when it names no recording, or a point where no log can be cut. */
export function cutRecording(name: string, choice: PointChoice, lie?: Lie): CutReport {
  const [, what = '', seed = '', point] = /^([a-z-]+):(\w+)(?:@(\d+))?$/.exec(name) ?? [];
  const points: PointChoice = point === undefined ? choice : (entries) => entries === Number(point);
  const san = sanNames.find((each) => each === what);
  if (san === undefined && what !== 'disk')
    throw new RangeError(
      `${name} names no recording; write them as disk:1, default:3 or two-tier:3@120`,
    );
  const report = san === undefined ? cutDisk(seed, points, lie) : cutSan(san, seed, points, lie);
  if (point !== undefined && report.points === 0)
    throw new RangeError(`${name}: nothing is different behind entry ${point}, if there is one`);
  return report;
}
