/** All that is wrong with a running cluster by what it told at one time. Pure. */
import type { Finding } from '../finding.ts';
import { judgeDisks } from './disk-judgement.ts';
import { judgeRecord } from './record-judgement.ts';
import type { ToldCluster } from './told-cluster.ts';
import { judgeServing } from './volume-judgement.ts';

/** Judges the config database, who decides, all disks, and all volumes. */
export function judgeTold(told: ToldCluster): readonly Finding[] {
  return [
    ...told.unreadable.map(unreadable),
    ...judgeDeciding(told),
    ...judgeDisks(told),
    ...[...told.records.values()].flatMap((record) => [
      ...judgeRecord(told, record),
      ...judgeServing(told, record),
    ]),
    ...judgeMissing(told),
  ];
}

function unreadable({ volume, reason }: ToldCluster['unreadable'][number]): Finding {
  return {
    severity: 'error',
    kind: 'database-unreadable',
    ...(volume === undefined ? {} : { volume }),
    what: `what the config database holds${volume === undefined ? '' : ` of volume ${volume}`} cannot be read: ${reason}`,
    remedy:
      'I/O that needs no decision goes on. Look at the NATS server for control; if a key was overwritten, nats kv history shows what it held before.',
  };
}

function judgeDeciding({ virtualizer, topology }: ToldCluster): readonly Finding[] {
  if (virtualizer !== null) return [];
  const names = topology.virtualizers.map(({ id }) => id).join(', ');
  return [
    {
      severity: 'error',
      kind: 'nobody-decides',
      what: `no virtualizer answers (${names}): nothing is decided`,
      remedy:
        'I/O that needs no decision goes on; see in sanctor status what became of their nodes, and start one again.',
    },
  ];
}

/** Volumes of the topology that were never decided about. */
function judgeMissing({ topology, records, unreadable: bad }: ToldCluster): readonly Finding[] {
  const missing = topology.volumes.filter(({ id }) => !records.has(id) && bad.length === 0);
  return missing.map(
    ({ id }): Finding => ({
      severity: 'warning',
      kind: 'not-created',
      volume: id,
      what: `the config database has no record of volume ${id}`,
      remedy: 'It is made as soon as its disks are there; sanctor status says what is in the way.',
    }),
  );
}
