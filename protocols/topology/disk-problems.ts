/** Disks of a topology: stores that are their own, for two disks over one file would write over each other. */
import type { TopologyProblem } from './layout-form.ts';
import type { WrittenTopology } from './written-topology.ts';

export function diskProblems({ sections }: WrittenTopology): readonly TopologyProblem[] {
  const owners = new Map<string, string>();
  return sections.disks.flatMap(({ value, path }) => {
    const { id, store, files } = value;
    if (store === 'memory' && files.length > 0)
      return [
        {
          path: [...path, 'files'],
          problem: `disk ${id} is kept in memory; leave out its files, or say store: file`,
        },
      ];
    return files.flatMap((file, index): TopologyProblem[] => {
      const name = plainPath(file);
      const owner = owners.get(name);
      owners.set(name, owner ?? id);
      if (owner === undefined) return [];
      const problem =
        owner === id
          ? `${file} occurs twice in disk ${id}; name each file once`
          : `${file} is a file of disk ${owner} already; give disk ${id} a file of its own ` +
            '(devices of several machines have names of their own in /dev/disk/by-id)';
      return [{ path: [...path, 'files', index], problem }];
    });
  });
}

/** The same for all spellings of a path, as far as can be told without looking at the file system. */
function plainPath(path: string): string {
  const steps: string[] = [];
  for (const step of path.split('/')) {
    const last = steps.at(-1);
    if (step === '' || step === '.') continue;
    if (step === '..' && last !== undefined && last !== '..') steps.pop();
    else if (step !== '..' || !path.startsWith('/')) steps.push(step);
  }
  return (path.startsWith('/') ? '/' : '') + steps.join('/');
}
