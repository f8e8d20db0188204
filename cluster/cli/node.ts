/** `sanctor node`: one process of a cluster; runs until it is told to stop. */
import { faultSchema } from '../../protocols/faults.ts';
import { isId, type NodeId } from '../../protocols/ids.ts';
import { openNode } from '../node.ts';
import { fabricUrlsOf } from './fabric-option.ts';
import { topologyArgument } from './topology-argument.ts';

export interface NodeOptions {
  readonly topology: string;
  readonly data: string;
  /** `name=url`, one for each fabric. */
  readonly fabric: readonly string[];
  readonly databaseSyncs?: boolean;
  /** JSON, one for each. */
  readonly fault?: readonly string[];
}

/** @throws Error when the node cannot run; the message says why and what to do. */
export async function node(name: string, options: NodeOptions): Promise<void> {
  const { topology } = topologyArgument(options.topology);
  const names = topology.nodes.map(({ id }) => id);
  if (!isId(name) || !names.includes(name as NodeId))
    throw new Error(`the topology has no node ${name}; there are ${names.join(', ')}`);
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  const running = await openNode({
    topology,
    node: name as NodeId,
    fabricUrls: fabricUrlsOf(options.fabric),
    diskFolder: options.data,
    databaseSyncs: options.databaseSyncs === true,
    faults: (options.fault ?? []).map((text) => faultSchema.parse(JSON.parse(text))),
  });
  await stopped;
  await running.stop();
  // While a NATS server was silent, `nats` may have left sockets to it open, which would keep this process.
  process.exit();
}
