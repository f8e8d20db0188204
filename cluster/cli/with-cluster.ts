/** A connection to a running cluster for the length of one command. */
import { type ClusterId, idOf } from '../../protocols/ids.ts';
import type { Bus } from '../../protocols/ports.ts';
import type { Topology } from '../../protocols/topology.ts';
import { ClusterClient } from '../cluster-client.ts';
import { connectNatsBus, NatsUnreachable } from '../nats/bus.ts';
import { createPinoLog } from '../pino-log.ts';
import { findRunningCluster, type RegisteredCluster } from '../supervisor/cluster-registry.ts';
import { createSystemClock } from '../system-clock.ts';
import { topologyArgument } from './topology-argument.ts';

export interface ConnectedCluster {
  readonly entry: RegisteredCluster;
  readonly topology: Topology;
  readonly client: ClusterClient;
  readonly bus: Bus;
}

/** Finds the cluster, connects, does the work, and lets go of everything again. */
export async function withCluster<Result>(
  cluster: string | undefined,
  work: (connected: ConnectedCluster) => Promise<Result>,
): Promise<Result> {
  const entry = findRunningCluster(cluster);
  const { topology } = topologyArgument(entry.topologyFile);
  const log = createPinoLog({ name: 'sanctor', level: 'warn' });
  const bus = await connectNatsBus({
    servers: entry.natsUrl,
    name: 'sanctor/command',
    log,
    waitForServer: false,
  }).catch((error: unknown) => {
    if (!(error instanceof NatsUnreachable)) throw error;
    throw new NatsUnreachable(
      `cluster ${entry.cluster} runs, but its NATS server at ${entry.natsUrl} does not answer; ` +
        'if a fault took it away, sanctor heal --all brings it back',
      { cause: error },
    );
  });
  const ports = {
    cluster: idOf<ClusterId>(entry.cluster),
    control: bus,
    clock: createSystemClock(),
  };
  const client = new ClusterClient(ports);
  try {
    return await work({ entry, topology, client, bus });
  } finally {
    client.close();
    await new Promise<void>((resolve) => bus.close(resolve));
  }
}
