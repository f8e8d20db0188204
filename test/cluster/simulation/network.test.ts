import type { SimulatedBus } from '../../../cluster/simulation/bus.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SimulatedNetwork } from '../../../cluster/simulation/network.ts';
import { SimulatedProcess } from '../../../cluster/simulation/process.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import type { Bus, Log } from '../../../protocols/ports.ts';
import { describeBusContract } from '../../ports/bus-contract.ts';
import type { BusWorld } from '../../ports/bus-world.ts';

const virtualMsMax = 20_000;

function openWorld(): BusWorld {
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
  const buses = new Map<Bus, SimulatedBus>();
  const connect = (name: string): SimulatedBus => {
    const bus = server.connect({ process: new SimulatedProcess(clock, name), role: 'io', log });
    buses.set(bus, bus);
    return bus;
  };
  const foreverMs = 1_000_000;
  return {
    connect: async (name) => connect(name),
    cut: (bus) => buses.get(bus)?.cut(foreverMs),
    mend: (bus) => buses.get(bus)?.mend(),
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

describeBusContract('simulated', async () => openWorld());
