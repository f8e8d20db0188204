/** A simulated network with nothing around it, for tests of its faults. */

import type { SimulatedBus } from '../../../cluster/simulation/bus.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { traceLineOf } from '../../../cluster/simulation/message.ts';
import { SimulatedNetwork } from '../../../cluster/simulation/network.ts';
import { SimulatedProcess } from '../../../cluster/simulation/process.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import type { SimulatedServer } from '../../../cluster/simulation/server.ts';
import type { Log } from '../../../protocols/ports.ts';

export const ignore = () => {};
const noLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

export class NetworkWorld {
  readonly clock = new VirtualClock();
  readonly network: SimulatedNetwork;
  readonly server: SimulatedServer;
  readonly trace: string[] = [];
  readonly bugs: unknown[] = [];

  constructor(seed: number | string = 1) {
    this.network = new SimulatedNetwork({
      clock: this.clock,
      random: new SeededRandom(seed).fork('network'),
      observer: (fate, message, to, atMs) => this.trace.push(traceLineOf(fate, message, to, atMs)),
      onHandlerError: (error) => this.bugs.push(error),
    });
    this.server = this.network.server('f1');
  }

  connect(name: string, role = 'io'): SimulatedBus {
    return this.server.connect({
      process: new SimulatedProcess(this.clock, name),
      role,
      log: noLog,
    });
  }

  /** The numbers that `bus` hears on `subject`, with the time. */
  listen(bus: SimulatedBus, subject: string): { number: number; atMs: number }[] {
    const heard: { number: number; atMs: number }[] = [];
    bus.subscribe(subject, {
      message: (data) => {
        heard.push({ number: (data[0] ?? 0) * 256 + (data[1] ?? 0), atMs: this.clock.now() });
      },
    });
    return heard;
  }
}
