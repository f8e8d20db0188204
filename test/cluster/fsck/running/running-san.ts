/** A small SAN of whole actors that runs in virtual time, and is checked meanwhile as by `sanctor fsck`. */

import { ClusterClient } from '../../../../cluster/cluster-client.ts';
import type { CheckReport } from '../../../../cluster/fsck/check.ts';
import { checkRunning } from '../../../../cluster/fsck/running/check-running.ts';
import type { Ask } from '../../../../cluster/fsck/running/told-cluster.ts';
import { SimulatedProcess } from '../../../../cluster/simulation/process.ts';
import type { VolumeRecord } from '../../../../protocols/control-data.ts';
import type { ConfigDatabase, DatabaseRead, DatabaseWrite } from '../../../../protocols/ports.ts';
import type { Topology } from '../../../../protocols/topology.ts';
import { CheckedSan } from '../checked-san.ts';

export interface CheckOptions {
  readonly verifyMs?: number;
  /** Instead of the SAN's. */
  readonly topology?: Topology;
  /** Put around what is asked. */
  readonly wrap?: (ask: Ask) => Ask;
  /** Put around what is read. */
  readonly wrapDatabase?: (database: ConfigDatabase) => ConfigDatabase;
  /** Done again and again while it is checked. */
  readonly meanwhile?: () => void;
}

const stepMs = 5;

export class RunningSan extends CheckedSan {
  /** What the checks have asked for, each once. */
  readonly verbs = new Set<string>();
  readonly #process = new SimulatedProcess(this.san.world.clock, 'fsck');
  readonly #database = this.san.world.database.open(this.#process);

  /** Checks it while it runs. */
  async check(options: CheckOptions = {}): Promise<CheckReport> {
    const { verifyMs = 600_000, topology = this.san.world.topology } = options;
    const { world } = this.san;
    const client = new ClusterClient({
      cluster: world.topology.cluster,
      control: this.san.connect('fsck'),
      clock: world.clock,
    });
    const ask: Ask = (receiver, verb, body, timeoutMs) => {
      this.verbs.add(verb);
      return client.ask(receiver, verb, body, timeoutMs);
    };
    const checking = checkRunning({
      topology,
      database: readOnly(options.wrapDatabase?.(this.#database) ?? this.#database),
      ask: options.wrap?.(ask) ?? ask,
      clock: world.clock,
      progress: { stepped: () => {} },
      verifyMs,
    });
    const report = await this.#whileRunning(checking, options.meanwhile);
    client.close();
    return report;
  }

  /** Changes what the config database holds of vol0, behind everybody's back. */
  async tamper(change: (record: VolumeRecord) => object): Promise<void> {
    const key = 'volume.vol0';
    const read = await this.#whileRunning(
      new Promise<DatabaseRead>((done) => this.#database.read(key, done)),
    );
    if (read.outcome !== 'found') throw new Error(read.outcome);
    const value = JSON.stringify(change(JSON.parse(read.value) as VolumeRecord));
    const written = await this.#whileRunning(
      new Promise<DatabaseWrite>((done) => this.#database.write(key, value, read.revision, done)),
    );
    if (written.outcome !== 'written') throw new Error(written.outcome);
  }

  async #whileRunning<Result>(
    work: Promise<Result>,
    meanwhile: () => void = () => {},
  ): Promise<Result> {
    let isOver = false;
    const ended = work.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      meanwhile();
      this.san.runFor(stepMs);
      await new Promise<void>((next) => setImmediate(next));
    }
    return ended;
  }
}

function readOnly(database: ConfigDatabase): ConfigDatabase {
  return {
    syncsEveryWrite: database.syncsEveryWrite,
    read: (key, done) => database.read(key, done),
    list: (prefix, done) => database.list(prefix, done),
    write: () => {
      throw new Error('a check wrote to the config database');
    },
  };
}
