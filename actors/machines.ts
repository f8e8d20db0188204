/** Every machine of Sanctor, for those who want to look at them: a statechart is drawn from the very object that runs. */
import type { AnyStateMachine } from 'xstate';
import { diskMachine } from './disk/disk-machine.ts';
import { hbaMachine } from './hba/hba-machine.ts';
import { attachmentMachine } from './host/attachment-machine.ts';
import { cacheCleanupMachine } from './host/cache-cleanup-machine.ts';
import { hostMachine } from './host/host-machine.ts';
import { mirrorRetryMachine } from './host/mirror-retry-machine.ts';
import { pathFailoverMachine } from './host/path-failover-machine.ts';
import { pathMachine } from './host/path-machine.ts';
import { coordinatorMachine } from './switch/coordinator-machine.ts';
import { switchMachine } from './switch/switch-machine.ts';
import { scrubMachine } from './virtualizer/scrub-machine.ts';
import { virtualizerMachine } from './virtualizer/virtualizer-machine.ts';
import { volumeMachine } from './virtualizer/volume-machine.ts';

export interface ListedMachine {
  /** The machine's id, and how its file is called: `<name>-machine.ts`. */
  readonly name: string;
  readonly machine: AnyStateMachine;
  /** What it decides, in one line. */
  readonly decides: string;
}

function listed(machine: AnyStateMachine, decides: string): ListedMachine {
  return { name: machine.id, machine, decides };
}

export const machines: readonly ListedMachine[] = [
  listed(hostMachine, 'host: when it works, as long as one of its HBAs can be used'),
  listed(attachmentMachine, 'host: when it may use a volume, from asking for it to letting go'),
  listed(
    pathMachine,
    'host: when a link may be used: usable, standby, suspect, quarantined, failed',
  ),
  listed(
    pathFailoverMachine,
    'host: what becomes of I/O whose path failed, until all of it has ended',
  ),
  listed(mirrorRetryMachine, 'host: what becomes of a read whose mirror failed'),
  listed(cacheCleanupMachine, 'host: when a cache that reads have left may be used again'),
  listed(hbaMachine, 'HBA: when it can be used: as long as its connection to the fabric stands'),
  listed(switchMachine, 'switch: what it does with frames: nothing, forward, virtualize'),
  listed(coordinatorMachine, 'switch: when a partition may be written through it'),
  listed(diskMachine, 'disk: when it serves: not before its store is opened and assembled'),
  listed(virtualizerMachine, 'virtualizer: when it decides: while the control epoch is its own'),
  listed(volumeMachine, 'virtualizer: when a volume is assembled anew, and when it serves'),
  listed(scrubMachine, 'virtualizer: when a volume is scrubbed, range after range'),
];
