/** What a host says of a block, as people read it: its numbers, its mirrors and their states, and the ways to them. */
import Table from 'cli-table3';
import type { ExplainedMirror, ExplainedPath, Explanation } from '../../protocols/explanation.ts';
import { sizeText } from '../../protocols/topology/sizes.ts';

/** Several lines, without one at the end. */
export function explanationText(explanation: Explanation): string {
  const { host, volume, offset, reason, attach, generation, isDirty, partition, mirrors } =
    explanation;
  const readOnly = attach.readOnly ? ', read-only' : '';
  const lines = [
    `${volume} at ${sizeText(offset)}, as host ${host} sees it${reason === '' ? '' : ` (not serving: ${reason})`}`,
    `  attached    ${attach.mode}${readOnly}, attach epoch ${attach.epoch}, generation ${generation}`,
    `  partition   ${partition.partition}, coordinator ${partition.coordinator}, epoch ${partition.epoch}, incarnation ${partition.ownerIncarnation}`,
    `  region      ${isDirty ? 'dirty: compared on all mirrors after a crash' : 'clean: this host has written nothing of late'}`,
    `  writes      ${wayText(explanation.writes)}`,
    `  reads       ${wayText(explanation.reads)}`,
    `  cache       ${cacheText(explanation.cache)}`,
    ...mirrors.flatMap(mirrorLines),
    '',
    `  ${partition.coordinator}: coordinator of partition ${partition.partition}, ${partition.outstanding} I/Os under way`,
    pathsText(partition.paths),
  ];
  return lines.join('\n');
}

function mirrorLines(mirror: ExplainedMirror): readonly string[] {
  const { disk, diskOffset, state, mirrorSet, eventCount, outstanding, why, paths } = mirror;
  const place = mirrorSet === '' ? '' : ` in ${mirrorSet}, event count ${eventCount}`;
  return [
    '',
    `  ${disk}: at ${sizeText(diskOffset)} of the disk, ${state}${place}, ${outstanding} I/Os under way`,
    ...(why === '' ? [] : [`    ${why}`]),
    // Where nothing is sent, no ways are looked for.
    ...(why !== '' && paths.length === 0 ? [] : [pathsText(paths)]),
  ];
}

function cacheText({ switch: id, mayAnswer, why }: Explanation['cache']): string {
  return mayAnswer ? `the cache of ${id} answers: ${why}` : `no cache answers: ${why}`;
}

function wayText({ target, hba, route, why }: Explanation['reads']): string {
  if (target === '') return why;
  return `by ${hba} over ${route.join(', ')} to ${target.replace(':', ' ')}\n              ${why}`;
}

const plain = { head: [], border: [], 'padding-left': 0, 'padding-right': 2 };
const noBorders = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid', 'middle']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .map((name) => [name, '']),
);

function pathsText(paths: readonly ExplainedPath[]): string {
  if (paths.length === 0) return '    no way is known';
  const table = new Table({ chars: noBorders, style: plain });
  for (const { hba, route, hops, state, outstanding, chosen, why } of paths)
    table.push([
      `    ${chosen ? '→' : ' '}`,
      hba,
      route.join(' '),
      `${hops} ${hops === 1 ? 'hop' : 'hops'}`,
      state,
      `${outstanding} under way`,
      why,
    ]);
  return table.toString();
}
