/** Programs in which something is never given back, or never ends (DESIGN I12): a part of `mutants`. */

export const leakMutants = {
  keepsSlots: {
    does: 'a host never uses again the slot of an I/O whose way failed',
    patches: [
      {
        file: 'actors/host/slots.js',
        snippet: 'this.#free.push(slot); if (failover !== null)',
        replacement: `if (failover === null) this.#free.push(slot);
          if (failover !== null)`,
      },
    ],
  },
  keepsCredits: {
    does: 'what was under way at an HBA when it lost its fabric counts as under way for ever',
    patches: [
      {
        file: 'actors/host/issuer.js',
        snippet: 'route.hba.credits.give(creditBytes);',
        replacement: 'if (route.hba.usable) route.hba.credits.give(creditBytes);',
      },
    ],
  },
  keepsFailovers: {
    does: 'a failover does not end with the last I/O that it was for',
    patches: [
      {
        file: 'actors/host/path-failover.js',
        snippet: 'this.#open--; if (this.#open > 0)',
        replacement: 'this.#open--; if (true)',
      },
    ],
  },
  keepsMirrorRetries: {
    does: 'a host keeps the machines of reads that met a bad mirror when these have ended',
    patches: [
      {
        file: 'actors/host/mirror-retries.js',
        snippet: 'this.#running.delete(retry);',
        replacement: '',
      },
    ],
  },
  keepsCleanups: {
    does: 'a cache that has forgotten a volume counts as not clean all the same',
    patches: [
      {
        file: 'actors/host/volume-caches.js',
        snippet: 'publishClean: () => { cache.cleanup = null; },',
        replacement: 'publishClean: () => {},',
      },
    ],
  },
  keepsCalls: {
    does: 'a switch never uses again the place of a call to a disk that it had to send twice',
    patches: [
      {
        file: 'actors/switch/leg-calls.js',
        snippet: 'this.#openCount--; this.#free.push(call.slot);',
        replacement: `if (this.#callAt(call.slot).isSentAgain) return;
          this.#openCount--; this.#free.push(call.slot);`,
      },
    ],
  },
  keepsBlocks: {
    does: 'a repair that finds nothing to mend keeps the blocks that it holds',
    alone: true,
    patches: [
      {
        file: 'actors/switch/repairs.js',
        snippet: `answers.end(io.request, outcomeOf(result)); this.#ended(io, 'forgotten');`,
        replacement: `answers.end(io.request, outcomeOf(result));
          if (result.repairedBlocks > 0) this.#ended(io, 'forgotten');`,
      },
    ],
  },
  keepsReads: {
    does: 'a coordinator counts reads that were dropped with their epoch as open',
    patches: [
      {
        file: 'actors/switch/ordered-read.js',
        snippet: 'this.#parts.calls.releaseOf(this); this.#forget();',
        replacement: `this.#parts.calls.releaseOf(this);
          this.#known.forget(this.request.ioNumber);`,
      },
    ],
  },
  keepsOperations: {
    does: 'a disk counts reads that fail as under way for ever',
    patches: [
      {
        file: 'actors/disk/disk-io.js',
        snippet: 'else this.answers.end(admitted, request, outcomeOf(status, what)); era.end();',
        replacement: `else this.answers.end(admitted, request, outcomeOf(status, what));
          if (status === Status.ok) era.end();`,
      },
    ],
  },
} as const;
