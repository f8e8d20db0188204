/** Rules of paths and their failover broken on purpose: a part of `mutants`. */

export const pathMutants = {
  givesUpAfterTwoWays: {
    does: 'a host gives an I/O up when two ways have failed under it, however many there are',
    patches: [
      {
        file: 'actors/host/path-failover.js',
        snippet: 'const ways = waysLeft(slot);',
        replacement: `const ways = waysLeft(slot);
          if (slot.waysTried >= 2) { slot.deadlineMs = 0; slot.retryAtMs = 0; return; }`,
      },
    ],
  },
  takesPathErrorsForMirrors: {
    does: 'a host takes the failure of a path for that of the mirror behind it',
    patches: [
      {
        file: 'actors/host/recovery.js',
        snippet: `return { kind: 'reroute', links: detail.links,
          isNamed: detail.alternates.length > 0 };`,
        replacement: `return { kind: 'end', status };`,
      },
    ],
  },
  takesAnyReply: {
    does: 'a host takes every reply that comes to a slot, whichever I/O and attempt it belongs to',
    patches: [
      {
        file: 'actors/host/slots.js',
        snippet: 'reply.ioNumber === request.ioNumber && reply.attempt === request.attempt &&',
        replacement: '',
      },
    ],
  },
  answersOnAnyFabric: {
    does: 'a switch answers on the first fabric that works, and not on that of the HBA that asked',
    topology: 'two-fabrics',
    patches: [
      {
        file: 'actors/switch/switch-ports.js',
        snippet: "const known = kind === 'hba' ? this.#hbas.get(id) : undefined;",
        replacement: 'const known = undefined;',
      },
    ],
  },
} as const;
