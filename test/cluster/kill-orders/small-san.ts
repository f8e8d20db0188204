/** The smallest SAN that has mirrors to lose: one host, one switch, one volume of two or three mirrors. */
import { homeBytes } from '../../../actors/disk/disk-layout.ts';
import { parseTopology } from '../../../protocols/topology/parse-topology.ts';
import type { Topology } from '../../../protocols/topology.ts';
import type { Mirrors } from './orders.ts';

/** A disk that starts takes 80 to 400 ms: some are back before they are gone on without. */
export const staleAfterMs = 250;
/** Longer than anything that is going to be served takes. */
export const ioDeadlineMs = 2500;

export function mirrorTopology(mirrors: Mirrors): Topology {
  const disks = Array.from({ length: mirrors }, (_, index) => `d${index + 1}`);
  const read = parseTopology(
    {
      cluster: 'kill-orders',
      fabrics: ['n1'],
      virtualizers: ['v1'],
      hosts: [{ id: 'h1', hbas: ['h1-a'], exports: [exported] }],
      switches: [{ id: 's1', virtualizing: true }],
      disks: disks.map((id) => ({ id, size: '8MiB', store: 'memory' })),
      links: [['h1-a', 's1'], ...disks.map((id) => ['s1', id])],
      volumes: [
        {
          id: 'vol0',
          size: '1MiB',
          layout: { mirror: disks },
          coordinators: { map: 'modulo', switches: ['s1'] },
        },
      ],
      policies: {
        ioDeadlineMs,
        // Slow enough to be struck while it goes on.
        membership: { staleAfterMs, resyncBytesPerSecond: '512KiB' },
        scrub: { everyHours: 0 },
      },
    },
    homeBytes,
  );
  if (read.ok) return read.topology;
  throw new Error(read.problems.map(({ path, problem }) => `${path.join('.')}: ${problem}`).join());
}

const exported = { volume: 'vol0', attach: 'exclusive', listen: 'nbd://127.0.0.1:10809' };
