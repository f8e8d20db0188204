/** Rules broken on purpose, one at a time: the simulation must notice each. */
import type { Patch } from '../../tools/mutated-build.ts';

export interface Mutant {
  /** What the broken program does, as a sentence. */
  readonly does: string;
  readonly patches: readonly Patch[];
}

const coordinator = 'actors/switch/coordinator.js';
const fences = 'actors/disk/fences.js';
const writes = 'actors/disk/write-operation.js';
const attachment = 'actors/host/attachment-machine.js';

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
        file: 'actors/switch/settling.js',
        snippet:
          'this.#endBytes = copiesOf(volume) < 2 ? 0 : roundUp(volume.load.sizeBytes, blockBytes);',
        replacement: 'this.#endBytes = 0;',
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
      {
        file: fences,
        snippet: 'if (!fence.isAssembled || request.controlEpoch < fence.entry.controlEpoch)',
        replacement: 'if (!fence.isAssembled)',
      },
    ],
  },
  readsOverOwnWrites: {
    does: 'the driver does not hold reads that overlap its own unsettled writes',
    patches: [
      {
        file: 'actors/host/held-reads.js',
        snippet: 'if (this.#writes.count === 0 || !this.#writes.holds(read))',
        replacement: 'if (true)',
      },
    ],
  },
  executesRetriesTwice: {
    does: 'a coordinator executes a retry once more instead of joining it to its original',
    patches: [
      {
        file: coordinator,
        snippet: 'if (ioNumber < known.watermark) {',
        replacement: 'if (false) {',
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
        snippet: `'trouble.met': { target: 'lost', actions: ['noteTrouble', closeWithReason, 'endOpen'], },`,
        replacement: `'trouble.met': { actions: ['endOpen'] },`,
      },
    ],
  },
  takesUnknownForWritten: {
    does: 'the virtualizer acts on a decision that may not have been written',
    patches: [
      {
        file: 'actors/virtualizer/volume-decider.js',
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
        file: attachment,
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
} as const satisfies Record<string, Mutant>;

export type MutantName = keyof typeof mutants;
export const mutantNames = Object.keys(mutants) as readonly MutantName[];
