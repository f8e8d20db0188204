/** Rules broken on purpose, one at a time: the simulation must notice each. */
import type { TopologyName } from '../../../cluster/simulation/topology-names.ts';
import type { Patch } from '../../tools/mutated-build.ts';
import { cacheMutants } from './cache-mutants.ts';
import { controlMutants } from './control-mutants.ts';
import { leakMutants } from './leak-mutants.ts';
import { markMutants } from './mark-mutants.ts';
import { mediaMutants } from './media-mutants.ts';
import { membershipMutants } from './membership-mutants.ts';
import { pathMutants } from './path-mutants.ts';
import { takeoverMutants } from './takeover-mutants.ts';

export interface Mutant {
  /** What the broken program does, as a sentence. */
  readonly does: string;
  readonly patches: readonly Patch[];
  /** Where it shows; on the default topology and on two tiers when left out. */
  readonly topology?: TopologyName;
  /** Where faults strike alone: consumers must see no error then. */
  readonly alone?: boolean;
  /** The seed that showed it, where few do: only that one is looked at. */
  readonly seed?: number;
  /** The kill order that shows it; seeds are not looked at then. */
  readonly killOrder?: string;
  /** The scene that shows it, a test file here without its ending, where no seed of fifty does; seeds are not looked at then. */
  readonly scene?: string;
}

const coordinator = 'actors/switch/coordinator.js';
const fences = 'actors/disk/fences.js';
const writes = 'actors/disk/write-operation.js';
const attachment = 'actors/host/attachment-machine.js';
const legs = 'actors/switch/leg-request.js';
const rules = 'actors/switch/request-rules.js';
const admission = 'actors/switch/admission.js';

export const mutants = {
  acknowledgesAfterOneLeg: {
    does: 'a coordinator acknowledges a write when one mirror has it',
    patches: [
      {
        file: coordinator,
        snippet: 'io.legsLeft--; if (io.legsLeft === 0) this.#end(io);',
        replacement: 'io.legsLeft--; if (!io.isOver) { io.isOver = true; this.#end(io); }',
      },
    ],
  },
  appliesLateCopies: {
    does: 'a disk ignores write numbers, so that a late copy overwrites what is newer',
    patches: [
      {
        file: writes,
        snippet: 'if (!isStoredAsNew(page.words, at, tag))',
        replacement: 'if (true)',
      },
      {
        file: fences,
        snippet: 'isSettled: isSettled(fence, request)',
        replacement: 'isSettled: false',
      },
    ],
  },
  takesUnsettledForSettled: {
    does: 'a disk takes a write that is under way for a late copy, and answers it without writing',
    patches: [
      {
        file: fences,
        snippet: 'return writeNumber < known.lowestUnsettled;',
        replacement: 'return writeNumber <= known.lowestUnsettled + 1;',
      },
    ],
  },
  acknowledgesFuaEarly: {
    does: 'a disk acknowledges FUA before the write is durable',
    patches: [
      {
        file: writes,
        snippet: 'else if (this.#request?.fua)',
        replacement: 'else if (false)',
      },
    ],
  },
  acknowledgesFlushEarly: {
    does: 'a disk acknowledges a flush before it is done',
    patches: [
      {
        file: 'actors/disk/block-device.js',
        snippet: 'journal.whenDurable((error) => {',
        replacement: 'journal.whenWritten((error) => {',
      },
    ],
  },
  movesHomeBeforeJournal: {
    does: 'a checkpoint writes home what the journal has not flushed yet',
    patches: [
      {
        file: 'actors/disk/write-behind.js',
        snippet: 'journal.commit.request((flushError) => this.#step(flushError));',
        replacement: 'this.#step(null);',
      },
    ],
  },
  skipsSettling: {
    does: 'a coordinator serves after a crash without making the mirrors equal',
    patches: [
      {
        file: 'actors/switch/settling-windows.js',
        snippet: 'if (copiesOf(volume) < 2)',
        replacement: 'if (true)',
      },
    ],
  },
  acceptsOldPartitionEpochs: {
    does: 'disks carry out writes of coordinators that were replaced',
    patches: [
      {
        file: fences,
        snippet: 'const partition = judgePartition(fence, request);',
        replacement: 'const partition = null;',
      },
      {
        file: fences,
        snippet: 'const sender = judgeSender(fence, request);',
        replacement: 'const sender = null;',
      },
    ],
  },
  readsOverOwnWrites: {
    does: 'the driver neither holds reads that overlap its own unsettled writes, nor their answers',
    patches: [
      {
        file: 'actors/host/held-reads.js',
        snippet: `if (!this.#ordersReads || this.#writes.count === 0 || !this.#writes.precede(read))
          return false;`,
        replacement: 'if (true) return false;',
      },
    ],
  },
  executesRetriesTwice: {
    does: 'a coordinator executes a retry once more instead of joining it to its original',
    patches: [
      {
        file: coordinator,
        snippet: 'if (ioNumber < known.watermark)',
        replacement: 'if (false)',
      },
      {
        file: coordinator,
        snippet: 'else if (known.has(ioNumber))',
        replacement: 'else if (false)',
      },
    ],
  },
  letsErroredWritesLive: {
    does: 'a write that ended with an error may still take effect after later reads',
    patches: [
      {
        file: attachment,
        snippet: `const partings = {
          'trouble.met': { target: 'lost', actions: ['noteTrouble', closeWithReason, 'endOpen'] },`,
        replacement: `const partings = { 'trouble.met': { actions: ['endOpen'] },`,
      },
    ],
  },
  takesUnknownForWritten: {
    does: 'the virtualizer acts on a decision that may not have been written',
    patches: [
      {
        file: 'actors/virtualizer/volume-key.js',
        snippet: `return { type: 'record.contested', reason }; } case 'written':`,
        replacement: `} case 'written':`,
      },
    ],
  },
  issuesEpochsTwice: {
    does: 'the virtualizer issues epochs again that a database has forgotten',
    patches: [
      {
        file: 'actors/virtualizer/decisions.js',
        snippet: 'Math.max(last.lastEpoch, members.knownEpoch, ...lost)',
        replacement: 'Math.max(last.lastEpoch, ...lost)',
      },
    ],
  },
  asksOnce: {
    does: 'a host asks once to be attached, and never again',
    patches: [
      {
        file: attachment,
        snippet: `after: { askDelay: { target: 'attaching', reenter: true } },`,
        replacement: '',
      },
    ],
  },
  sweepsNothing: {
    does: 'the driver does not look for I/O without an answer',
    patches: [
      {
        file: 'actors/host/dispatcher.js',
        snippet: 'if (this.#sweepTimer !== null) return;',
        replacement: 'return;',
      },
    ],
  },
  throwsAtRetries: {
    does: 'a coordinator throws when a retry arrives',
    patches: [
      {
        file: coordinator,
        snippet: 'this.counters.joins++;',
        replacement: `this.counters.joins++; throw new Error('broken on purpose');`,
      },
    ],
  },
  machineDies: {
    does: 'the machine of an attachment dies of an exception',
    patches: [
      {
        file: 'actors/host/attachment-setup.js',
        snippet: 'function lostEpochAfter(context, event) {',
        replacement: `function lostEpochAfter(context, event) {
          if (event.hasOpenWrites) throw new Error('broken on purpose');`,
      },
    ],
  },
  changesReceivedBytes: {
    does: 'an HBA changes the bytes of a message that it received',
    patches: [
      {
        file: 'actors/hba/hba.js',
        snippet: '#received(data, subject) {',
        replacement: '#received(data, subject) { data[data.length - 1] ^= 1;',
      },
    ],
  },
  readsBesideWrites: {
    does: 'reads of a shared volume go to any mirror without waiting for the writes before them',
    patches: [
      {
        file: legs,
        snippet: 'if (chosen && volume.inSync[leg.extentIndex] === true)',
        replacement: `if (chosen && (request.disk !== '' ||
          part.legs.indexOf(leg) === request.ioNumber % part.legs.length))`,
      },
      {
        file: admission,
        snippet: 'if (one.isRead && other.isRead) return false;',
        replacement: 'if (one.isRead || other.isRead) return false;',
      },
    ],
  },
  readsMirrorsOfSharedVolumes: {
    does: 'a host reads the mirrors of a shared volume itself, beside the coordinator',
    patches: [
      {
        file: 'actors/host/route-choice.js',
        snippet: '(operation === Operation.read && !readsThroughCoordinator)',
        replacement: 'operation === Operation.read',
      },
      {
        file: 'actors/switch/switch-volume.js',
        snippet: 'operation === Operation.read && this.#isShared(request)',
        replacement: 'false',
      },
    ],
  },
  ordersEachHostAlone: {
    does: 'a coordinator orders the writes of each host among themselves, but not those of several hosts',
    patches: [
      {
        file: admission,
        snippet: 'return one.firstBlock < other.endBlock &&',
        replacement: `return one.request?.host === other.request?.host &&
          one.firstBlock < other.endBlock &&`,
      },
    ],
  },
  attachesTwoExclusively: {
    does: 'the virtualizer attaches a second host to a volume that one has for itself',
    patches: [
      {
        file: 'actors/virtualizer/attachments.js',
        snippet: `return request.host === other.host ||
          request.mode === 'exclusive' || other.mode === 'exclusive';`,
        replacement: 'return request.host === other.host;',
      },
    ],
  },
  ignoresBounds: {
    does: 'hosts send some I/O to the coordinator of another partition, and it carries that out',
    patches: [
      {
        file: 'actors/host/issuer.js',
        snippet: `const part = this.#nextPart(io);
        const route = driver.isSuspended`,
        replacement: `const part = this.#nextPart(io);
          if (driver.view.data.coordinatorMap.kind === 'consecutive' && io.arrival % 2 === 0)
            part.partition = 0;
        const route = driver.isSuspended`,
      },
      {
        file: coordinator,
        snippet: 'else if (part.partition !== partition.number)',
        replacement: 'else if (false)',
      },
    ],
  },
  acceptsOldAttachments: {
    does: 'writes of a host process that is gone are carried out after its successor has been attached',
    patches: [
      {
        file: 'actors/virtualizer/decisions.js',
        snippet: 'someoneWasCutOff(last.attachments, attachments, drained);',
        replacement: 'false;',
      },
      {
        file: rules,
        snippet: 'if (request.generation === generation)',
        replacement: 'if (true)',
      },
      {
        file: rules,
        snippet: `if (request.hostIncarnation !== hostIncarnation ||
          request.attachEpoch !== attachEpoch)`,
        replacement: 'if (false)',
      },
      {
        file: fences,
        snippet: 'const sender = judgeSender(fence, request);',
        replacement: 'const sender = null;',
      },
    ],
  },
  numbersMirrorsApart: {
    does: 'mirrors get the same bytes under different write numbers, so that only their tags differ',
    patches: [
      {
        file: legs,
        snippet: 'leg, { self, slot, ...order });',
        replacement: `leg, { self, slot, ...order,
          writeNumber: order.writeNumber + (sent > 0 ? 1 : 0) });`,
      },
    ],
  },
  believesOldDefinitions: {
    does: 'the virtualizer takes an old answer of the database for what a created volume is now',
    patches: [
      {
        file: 'actors/virtualizer/record-store.js',
        snippet: "const value = result.outcome === 'found' ? result.value : whenAbsent;",
        replacement: `const value = result.outcome === 'found' ? result.value : whenAbsent;
          if (true) return done({ outcome: 'confirmed', value });`,
      },
    ],
  },
  flushesOwnDisksOnly: {
    does: 'a flush of a shared volume passes over disks that hold nothing of its own host',
    patches: [
      {
        file: 'actors/host/flush-ledger.js',
        snippet: 'return othersWrite || entry.inDoubt',
        replacement: 'return entry.inDoubt',
      },
    ],
  },
  issuesExtentGenerationsTwice: {
    does: 'extents of a new volume have a generation that those of a deleted one had',
    patches: [
      {
        file: 'actors/virtualizer/volume-creation.js',
        snippet: 'generation: unitOf(highest + 1),',
        replacement: 'generation: unitOf(1),',
      },
    ],
  },
  createsLateCopies: {
    does: 'a late copy of a command brings a deleted volume back',
    patches: [
      {
        file: 'actors/virtualizer/volume-commands.js',
        snippet: 'if (body.follows !== undefined && body.follows !== catalogue.lastLife(name))',
        replacement: 'if (false)',
      },
    ],
  },
  ...controlMutants,
  ...leakMutants,
  ...markMutants,
  ...mediaMutants,
  ...membershipMutants,
  ...pathMutants,
  ...takeoverMutants,
  ...cacheMutants,
} as const satisfies Record<string, Mutant>;

export type MutantName = keyof typeof mutants;
export const mutantNames = Object.keys(mutants) as readonly MutantName[];
