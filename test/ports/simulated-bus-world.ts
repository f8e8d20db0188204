import type { SimulatedBus } from '../../cluster/simulation/bus.ts';
import { VirtualClock } from '../../cluster/simulation/clock.ts';
import { SimulatedNetwork } from '../../cluster/simulation/network.ts';
import { SimulatedProcess } from '../../cluster/simulation/process.ts';
import { SeededRandom } from '../../cluster/simulation/random.ts';
import type { Bus, Log } from '../../protocols/ports.ts';
import type { BusWorld } from './bus-world.ts';

const virtualMsMax = 20_000;

/**
 * Connections of the simulated network, for the contract of buses.
 *
 * @param around what is put around each connection
 */
export function simulatedBusWorld<Around extends Bus>(
  around: (bus: SimulatedBus, clock: VirtualClock, log: Log) => Around,
): Omit<BusWorld, 'connect'> & { connect(name: string): Promise<Around> } {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock, random: new SeededRandom('contract') });
  const server = network.server('f1');
  const ignore = () => {};
  let errors = 0;
  const log: Log = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: () => {
      errors += 1;
    },
  };
  const inner = new Map<Bus, SimulatedBus>();
  const connect = (name: string): SimulatedBus =>
    server.connect({ process: new SimulatedProcess(clock, name), role: 'io', log });
  const foreverMs = 1_000_000;
  return {
    connect: async (name) => {
      const bus = connect(name);
      const shown = around(bus, clock, log);
      inner.set(shown, bus);
      return shown;
    },
    cut: (bus) => inner.get(bus)?.cut(foreverMs),
    mend: (bus) => inner.get(bus)?.mend(),
    stoppedReader: async (subject) => {
      const bus = connect('stopped');
      bus.subscribe(subject, { message: ignore });
      bus.process.pause();
    },
    now: () => clock.now(),
    errorCount: () => errors,
    until: async (condition, what = 'the condition') => {
      const deadline = clock.now() + virtualMsMax;
      while (!condition()) {
        if (clock.now() > deadline || !clock.runNext())
          throw new Error(`waited in vain for ${what}`);
      }
    },
    nextMacrotask: async () => {
      clock.soon(ignore);
      clock.runNext();
    },
    close: async () => {},
  };
}
