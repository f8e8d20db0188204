import { describeBusContract } from '../../ports/bus-contract.ts';
import { simulatedBusWorld } from '../../ports/simulated-bus-world.ts';

describeBusContract('simulated', async () => simulatedBusWorld((bus) => bus));
