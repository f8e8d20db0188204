/**
 * What peers do by default about one who falls silent, as they publish it: what users of them wait for before anything
 * else is tried. Settings, not measurements, and seldom of the whole way to the next answered I/O.
 */

export interface Peer {
  readonly name: string;
  readonly by: string;
}

export const peers: readonly Peer[] = [
  { name: 'Ceph', by: 'an OSD is reported down after a heartbeat grace of 20 s' },
  { name: 'DRBD 9', by: 'network timeout 6 s; ping every 10 s, 0.5 s allowed for its answer' },
  { name: 'Longhorn 1', by: 'a replica is given up after 8 s, the last one after 16 s' },
  { name: 'Mayastor', by: 'NVMe I/O timeout 5 s, keep-alive 10 s' },
  { name: 'Vitastor', by: 'a pause of 5 to 10 s' },
  {
    name: 'NVMe over fabrics (Linux)',
    by: 'reconnects every 10 s, gives a controller up after 600 s',
  },
  {
    name: 'dm-multipath',
    by: 'paths are checked every 5 s, later every 20 s; fast_io_fail_tmo 5 s',
  },
  { name: 'VxDMP', by: 'failed paths are looked at again every 300 s' },
  { name: 'SPDK with ANA', by: 'a host usually sees a changed path state within 2 s' },
];
