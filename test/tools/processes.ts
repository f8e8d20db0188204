/** Looking at real processes from tests. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** True while a process with this id exists and has not ended; one that ended and was not waited for is gone. */
export function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
  } catch {
    return false;
  }
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${processId}/stat`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}

export interface ProcessFacts {
  readonly id: number;
  readonly parentId: number;
  /** The program's name, without its folder. */
  readonly name: string;
}

/** All processes that a process has started, and those that they have started. */
export function descendantsOf(processId: number): readonly ProcessFacts[] {
  const everybody = existsSync('/proc/self/stat') ? processesOfLinux() : processesOfPs();
  const found: ProcessFacts[] = [];
  const parents = new Set([processId]);
  // Ids may wrap around, so that a child's is below its parent's: look until nothing is added.
  for (let before = -1; before !== found.length; ) {
    before = found.length;
    for (const each of everybody) {
      if (parents.has(each.id) || !parents.has(each.parentId)) continue;
      parents.add(each.id);
      found.push(each);
    }
  }
  return found;
}

function processesOfLinux(): readonly ProcessFacts[] {
  return readdirSync('/proc').flatMap((name) => {
    const id = Number(name);
    if (!Number.isInteger(id)) return [];
    const fields = statFields(id);
    return fields === null ? [] : [{ id, parentId: Number(fields.rest[1]), name: fields.name }];
  });
}

function processesOfPs(): readonly ProcessFacts[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' });
  return lines.split('\n').flatMap((line) => {
    const [, id, parentId, name] = /^\s*(\d+)\s+(\d+)\s+(?:.*\/)?(.*?)\s*$/.exec(line) ?? [];
    return id === undefined
      ? []
      : [{ id: Number(id), parentId: Number(parentId), name: name ?? '' }];
  });
}

/** Linux counts processor time in hundredths of a second for user space. */
const tickMs = 10;

/** Processor time that a process has used so far, in user and in kernel mode; null where the system does not tell. */
export function processorMsOf(processId: number): number | null {
  const fields = statFields(processId);
  return fields === null ? null : (Number(fields.rest[11]) + Number(fields.rest[12])) * tickMs;
}

/** The fields of /proc/ID/stat behind the name: state, parent, … */
function statFields(processId: number): { name: string; rest: readonly string[] } | null {
  try {
    const text = readFileSync(`/proc/${processId}/stat`, 'utf8');
    const end = text.lastIndexOf(')');
    return { name: text.slice(text.indexOf('(') + 1, end), rest: text.slice(end + 2).split(' ') };
  } catch {
    return null;
  }
}

/** True once every thread of a process that got SIGSTOP stands still: the signal reaches them one after the other. */
export function isStopped(processId: number): boolean {
  if (process.platform !== 'linux') return true;
  const folder = `/proc/${processId}/task`;
  return readdirSync(folder).every((thread) =>
    /\) T /.test(readFileSync(`${folder}/${thread}/stat`, 'utf8')),
  );
}
