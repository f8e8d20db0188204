/**
 * Shapes of layouts and coordinator maps as they travel in JSON. A shape that fits may still be a bad layout:
 * `validateLayout` and `validateCoordinatorMap` judge that.
 */
import { z } from 'zod';
import type { DiskId, ExtentId, MirrorSetId } from '../ids.ts';
import { count, id } from '../schema.ts';
import type { DiskOffset, ExtentGeneration, VolumeOffset } from '../units.ts';
import { type Layout, layoutNodesMax } from './layout.ts';
import { type CoordinatorMap, partitionsMax } from './regions.ts';

const children = z.array(z.lazy((): z.ZodType<Layout> => layoutSchema)).max(layoutNodesMax);

export const layoutSchema: z.ZodType<Layout> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('extent'),
    extent: id<ExtentId>(),
    disk: id<DiskId>(),
    start: count<DiskOffset>(),
    lengthBytes: count<number>(),
    generation: count<ExtentGeneration>(),
  }),
  z.object({ kind: z.literal('concat'), children }),
  z.object({ kind: z.literal('stripe'), stripBytes: count<number>(), children }),
  z.object({ kind: z.literal('mirror'), set: id<MirrorSetId>(), children }),
  z.object({ kind: z.literal('parity'), stripBytes: count<number>(), children }),
]);

export const coordinatorMapSchema: z.ZodType<CoordinatorMap> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('modulo'),
    unitBytes: count<number>(),
    partitions: count<number>(),
  }),
  z.object({
    kind: z.literal('consecutive'),
    bounds: z.array(count<VolumeOffset>()).max(partitionsMax),
  }),
]);
