/** Makes a read error met: what a disk's journal still holds would be read from there, and not from the bad medium. */
import type { Disk } from '../../actors/disk/disk.ts';
import type { Fault } from '../../protocols/faults.ts';

/** Calls when what the struck disk holds is home; at once for any other fault, and for a disk that is not open. */
export function bringHome(fault: Fault, disks: readonly Disk[], done: () => void): void {
  const disk =
    fault.kind === 'read-error' ? disks.find(({ id }) => fault.target === `disk:${id}`) : undefined;
  const opened = disk?.opened ?? null;
  if (opened === null) done();
  else opened.device.writeBehind.drain(done);
}
