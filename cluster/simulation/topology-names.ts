/** The topologies that can be simulated; `simulated-cluster` makes them. */
export const topologyNames = ['default', 'two-tier'] as const;
export type TopologyName = (typeof topologyNames)[number];
