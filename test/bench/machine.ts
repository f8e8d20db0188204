/** The machine that numbers come from, in words. */
import { availableParallelism, cpus, loadavg } from 'node:os';

export function machineText(): string {
  const [load = 0] = loadavg();
  const busy = load > 1 ? '; other work is running, so that absolute numbers mean little' : '';
  const model = cpus()[0]?.model ?? 'unknown';
  return `${availableParallelism()} cores (${model}), node ${process.version}, load ${load.toFixed(1)}${busy}`;
}
