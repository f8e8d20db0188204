/** Looking at real processes from tests. */
import { readFileSync } from 'node:fs';

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
