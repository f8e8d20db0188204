/** In what order a cluster ends. */
import type { ActorAddress } from '../../protocols/ids.ts';

/**
 * Those who use others stop first: hosts drain and flush while switches and disks still answer, and nothing is decided any
 * more when disks go, which would be missed.
 */
export const stopOrder: readonly ActorAddress['kind'][] = [
  'host',
  'hba',
  'virtualizer',
  'switch',
  'disk',
];
