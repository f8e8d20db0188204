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
    alone: true,
    patches: [
      {
        file: 'actors/host/recovery.js',
        snippet: `return { kind: 'reroute', links: detail.links,
          isNamed: detail.alternates.length > 0 };`,
        replacement: `return readsMirror(request.operation) && request.disk !== ''
          ? { kind: 'retryMirror', disk: request.disk, alternates: [] }
          : { kind: 'reroute', links: detail.links, isNamed: detail.alternates.length > 0 };`,
      },
    ],
  },
  takesMirrorErrorsForPaths: {
    does: 'a host takes the failure of a mirror for that of the path to it',
    alone: true,
    patches: [
      {
        file: 'actors/host/recovery.js',
        snippet: `? { kind: 'retryMirror', disk: detail.disk, alternates: detail.alternates }`,
        replacement: `? { kind: 'reroute', links: request.route.slice(-1), isNamed: true }`,
      },
      {
        file: 'actors/host/recovery.js',
        snippet: `return { kind: 'retryMirror', disk, alternates: [] };`,
        replacement: `return { kind: 'reroute', links: request.route.slice(-1), isNamed: true };`,
      },
    ],
  },
  endsReadsTooSoon: {
    does: 'a host gives reads up sooner than its policy says when no way is left',
    patches: [
      {
        file: 'actors/host/path-failover.js',
        snippet: 'input: { noPathRetryMs: policy.noPathRetryMs,',
        replacement: 'input: { noPathRetryMs: policy.noPathRetryMs / 20,',
      },
    ],
  },
  waitsForNoWay: {
    does: 'a host that holds I/O for want of a way does not find out that there is one again',
    patches: [
      {
        file: 'actors/host/path-failover.js',
        snippet: `waysChanged() { if (this.#mode !== 'hold')`,
        replacement: `waysChanged() { if (true)`,
      },
      {
        file: 'actors/host/path-failover.js',
        snippet: 'slot.retryAtMs = clock.now() + laterDelayMs(slot.request, policy);',
        replacement: `slot.retryAtMs = this.#mode === 'hold'
          ? Number.POSITIVE_INFINITY : clock.now() + laterDelayMs(slot.request, policy);`,
      },
    ],
  },
  endsWritesTooSoon: {
    does: 'a host gives its attachment up before the deadline of its writes',
    patches: [
      {
        file: 'actors/host/sweep.js',
        snippet: 'if (nowMs >= slot.deadlineMs)',
        replacement: 'if (nowMs >= slot.deadlineMs - (slot.io?.isWrite === true ? 3000 : 0))',
      },
    ],
  },
  endsWritesAtFailedPaths: {
    does: 'a host ends a write with an error when its way fails, although others are left',
    patches: [
      {
        file: 'actors/host/recovery.js',
        snippet: `return { kind: 'reroute', links: detail.links,
          isNamed: detail.alternates.length > 0 };`,
        replacement: `return request.operation === Operation.write
          ? { kind: 'end', status }
          : { kind: 'reroute', links: detail.links, isNamed: detail.alternates.length > 0 };`,
      },
    ],
  },
  takesAnyReply: {
    does: 'a host takes every reply that comes to a slot, whichever I/O and attempt it belongs to',
    patches: [
      {
        file: 'actors/host/slots.js',
        snippet: `reply.ioNumber === request.ioNumber &&
            reply.attempt === request.attempt &&
            reply.hostIncarnation === request.hostIncarnation &&
            reply.host === request.host &&
            reply.operation === request.operation &&
            reply.offset === request.offset &&
            reply.volume === request.volume`,
        replacement: 'reply.operation === request.operation',
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
