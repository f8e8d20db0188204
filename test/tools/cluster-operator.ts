/**
 * Strikes and heals a running cluster and looks at it, by the commands that `sanctor` sends too, over one connection:
 * a process for each of them would disturb what is measured on a small machine.
 */

import { ClusterClient } from '../../cluster/cluster-client.ts';
import { type CameEvent, eventLine, isNews, readEvent } from '../../cluster/event-text.ts';
import { connectNatsBus } from '../../cluster/nats/bus.ts';
import { createPinoLog } from '../../cluster/pino-log.ts';
import { collectStatus, type StatusReport } from '../../cluster/status-report.ts';
import { createSystemClock } from '../../cluster/system-clock.ts';
import { readTopologyFile } from '../../cluster/topology-file.ts';
import { VolumeClient } from '../../cluster/volume-client.ts';
import type { Answer, Description } from '../../protocols/commands.ts';
import { descriptionSchema, verbs } from '../../protocols/commands.ts';
import { eventNames } from '../../protocols/events.ts';
import type { Fault, FaultTarget } from '../../protocols/faults.ts';
import { type ActorAddress, type ClusterId, idOf, supervisorAddress } from '../../protocols/ids.ts';
import type { Bus } from '../../protocols/ports.ts';
import { subjectsOf } from '../../protocols/subjects.ts';
import type { Topology } from '../../protocols/topology.ts';
import type { RunningCluster } from './running-cluster.ts';
import type { TestTopology } from './test-topology.ts';
import { untilAsync } from './until.ts';

const answerTimeoutMs = 10_000;
const wellTimeoutMs = 60_000;
const storyLinesMax = 2000;

export class ClusterOperator {
  readonly topology: Topology;
  readonly #client: ClusterClient;
  readonly #bus: Bus;
  #linkDowns = 0;
  readonly #story: string[] = [];
  #hear: (event: CameEvent) => void = () => {};

  private constructor(topology: Topology, bus: Bus) {
    this.topology = topology;
    this.#bus = bus;
    const cluster = idOf<ClusterId>(topology.cluster);
    this.#client = new ClusterClient({ cluster, control: bus, clock: createSystemClock() });
    bus.subscribe(subjectsOf(cluster).events(), {
      message: (data, subject) => {
        const event = readEvent(subject, data);
        if (event !== null) this.#came(event);
      },
    });
  }

  /** Connects to a cluster that runs a topology from a file. */
  static async connect(cluster: RunningCluster, { file }: TestTopology): Promise<ClusterOperator> {
    const read = readTopologyFile(file);
    if (!read.ok) throw new Error(`${file} is refused`);
    const { nats } = await cluster.status();
    const log = createPinoLog({ name: 'operator', level: 'error' });
    const name = 'operator/control';
    const bus = await connectNatsBus({ servers: nats.url, name, log, waitForServer: false });
    return new ClusterOperator(read.topology, bus);
  }

  async close(): Promise<void> {
    this.#client.close();
    await new Promise<void>((resolve) => this.#bus.close(resolve));
  }

  /** The latest events as `sanctor watch` shows them, for those who look for what went wrong. */
  get story(): readonly string[] {
    return this.#story;
  }

  /** From now on every event comes here, too. */
  listen(hear: (event: CameEvent) => void): void {
    this.#hear = hear;
  }

  /** How often switches have told so far that nobody listened at the other end of a link. */
  get linkDowns(): number {
    return this.#linkDowns;
  }

  status(): Promise<StatusReport> {
    return collectStatus(this.#client, this.topology);
  }

  /** What an actor says of itself; null when it does not answer. */
  async describe(address: ActorAddress): Promise<Description | null> {
    const parsed = descriptionSchema.safeParse(await this.#client.ask(address, verbs.describe));
    return parsed.success ? parsed.data : null;
  }

  /** Asks a command that must be answered. @throws Error with the refusal */
  async ask(address: ActorAddress, verb: string, body: object): Promise<object> {
    const answer = await this.#client.ask(address, verb, body, answerTimeoutMs);
    if (!answer.ok) throw new Error(`${address.kind} ${address.id} ${verb}: ${answer.message}`);
    return answer;
  }

  /** Gives an order to the virtualizer that decides. */
  order(verb: string, body: object): Promise<Answer> {
    return new VolumeClient(this.#client, this.topology).ask(verb, body);
  }

  /** The same as `sanctor fault`. */
  async strike(fault: Fault): Promise<void> {
    await this.ask(supervisorAddress, verbs.fault, fault);
  }

  /** The same as `sanctor heal`. */
  async heal(target: FaultTarget): Promise<void> {
    await this.ask(supervisorAddress, verbs.heal, { target });
  }

  /** The process of a node. @throws Error when it does not run */
  async pidOf(node: string): Promise<number> {
    const { nodes } = await this.status();
    const pid = nodes.find(({ name }) => name === node)?.pid;
    if (typeof pid !== 'number') throw new Error(`node ${node} does not run`);
    return pid;
  }

  /**
   * Waits until nothing is wrong any more.
   *
   * @param whyElse what else its caller waits for, as sentences
   * @throws Error that says what still is
   */
  async untilWell(
    whyElse: (status: StatusReport) => readonly string[] = () => [],
  ): Promise<StatusReport> {
    let status: StatusReport | null = null;
    let why: readonly string[] = [];
    const isWell = async () => {
      status = await this.status();
      why = [...whyNotWell(status), ...whyElse(status)];
      return why.length === 0;
    };
    await untilAsync(isWell, 'the cluster to be well', wellTimeoutMs).catch((error: unknown) => {
      throw new Error(`not well again within ${wellTimeoutMs / 1000} s: ${why.join('; ')}`, {
        cause: error,
      });
    });
    if (status === null) throw new Error('there is no status');
    return status;
  }

  #came(event: CameEvent): void {
    if (event.what === eventNames.linkDown) this.#linkDowns++;
    this.#hear(event);
    if (!isNews(event)) return;
    this.#story.push(eventLine(event));
    if (this.#story.length > storyLinesMax) this.#story.shift();
  }
}

/** Where a way is taken as before, or would be if it had not failed so often of late. */
const wellPathStates = ['usable', 'quarantined'];

/** What is not as it should be in a cluster that nobody strikes; empty when all is. */
export function whyNotWell(status: StatusReport): readonly string[] {
  const { waitingFor, faults, nats, nodes, paths } = status;
  return [
    ...waitingFor,
    ...faults.map(({ target, kind }) => `${target} has the fault ${kind}`),
    ...nats.servers
      .filter(({ state }) => state !== 'running')
      .map(({ fabric, state }) => `the NATS server of ${fabric} is ${state}`),
    ...nodes.filter(({ state }) => state !== 'running').map((each) => `${each.name} ${each.state}`),
    ...paths
      .filter(({ state }) => !wellPathStates.includes(state))
      .map(({ host, route, state }) => `${host} over ${route.join(' ')}: ${state}`),
  ];
}
