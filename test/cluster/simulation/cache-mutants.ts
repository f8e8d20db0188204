/** Rules of read caches broken on purpose: parts for `mutants`, and for the proof that either of two rules suffices. */
import type { Patch } from '../../tools/mutated-build.ts';

const readCache = 'actors/switch/read-cache.js';
const cachedReads = 'actors/switch/cached-reads.js';
const volumeCaches = 'actors/host/volume-caches.js';

/** A cache is not told when the path leaves it. */
export const withoutCleanup: readonly Patch[] = [
  {
    file: volumeCaches,
    snippet: 'if (!areSameWays(former, this.#preferred.get(disk) ?? []))',
    replacement: 'if (false)',
  },
];

/** A cache answers with whatever it has, whoever asks and whatever was written since. */
export const withoutVersions: readonly Patch[] = [
  {
    file: readCache,
    snippet: `const isSame = this.#regionWrites[place] === version.regionWrites &&
      this.#attachEpochs[place] === version.attachEpoch;`,
    replacement: 'const isSame = true;',
  },
];

/** What was read before an invalidation is kept after it. */
export const withLateFills: readonly Patch[] = [
  { file: cachedReads, snippet: 'if (!fill.mayKeep)', replacement: 'if (false)' },
];

/** What was sent before an invalidation is answered, and kept, after it. */
export const withoutFloors: readonly Patch[] = [
  {
    file: cachedReads,
    snippet: 'floor.attachEpoch !== attachEpoch || ioNumber >= floor.firstIo',
    replacement: 'true',
  },
];

/** A cache that could not be told to forget is used all the same. */
export const withoutFence: readonly Patch[] = [
  {
    file: volumeCaches,
    snippet: 'if (count >= 0 && cache.cleanup === null && request.attempt === 0)',
    replacement: 'if (count >= 0 && request.attempt === 0)',
  },
];

/** A cache answers although no disk has answered its reader for long. */
export const withoutLeases: readonly Patch[] = [
  {
    file: cachedReads,
    snippet: 'if (!this.#leases.holds(volume, request.attachEpoch, this.#parts.clock.now()))',
    replacement: 'if (false)',
  },
];

/** A volume is given to somebody else without waiting for what caches may still answer. */
export const withoutLeaseWait: readonly Patch[] = [
  {
    file: 'actors/virtualizer/volume-setup.js',
    snippet: `event.type === 'disks.confirmed' && event.leasesMayLast`,
    replacement: 'false',
  },
];

export const cacheMutants = {
  ignoresRegionWrites: {
    does: 'a cache answers reads with what it read before the host wrote there',
    patches: [
      {
        file: readCache,
        snippet: 'this.#regionWrites[place] === version.regionWrites &&',
        replacement: '',
      },
    ],
  },
  ignoresAttachEpochs: {
    does: 'a cache answers an attachment with what another one has read',
    patches: [
      {
        file: readCache,
        snippet: '&& this.#attachEpochs[place] === version.attachEpoch',
        replacement: '',
      },
      {
        file: 'actors/switch/switch-volume.js',
        snippet: 'this.#parts.cachedReads?.forget(volume.load.volume);',
        replacement: '',
      },
    ],
  },
  ignoresBypasses: {
    does: 'a cache answers, and keeps, reads that say that they are to go past it',
    patches: [
      {
        file: cachedReads,
        snippet: 'if ((flags & RequestFlag.bypassCache) !== 0) return false;',
        replacement: '',
      },
    ],
  },
  cachesForEver: {
    does: 'caches are neither cleaned when the path leaves them, nor compare versions',
    patches: [...withoutCleanup, ...withoutVersions],
  },
} as const;
