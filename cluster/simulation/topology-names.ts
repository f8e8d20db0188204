/** The topologies that can be simulated; `simulated-cluster` makes them. */
export const topologyNames = ['default', 'two-tier', 'two-fabrics'] as const;
export type TopologyName = (typeof topologyNames)[number];

/** Those of a batch on `both`: two-fabrics differs from the default in its servers only, and has its own batches. */
export const batchTopologyNames = [
  'default',
  'two-tier',
] as const satisfies readonly TopologyName[];
