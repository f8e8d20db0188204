/** Runs a coordinator machine for each partition of a volume, and carries what it publishes to the data path. */
import type { Actor as MachineActor } from 'xstate';
import type { VolumeId } from '../../protocols/ids.ts';
import type { Clock, Log } from '../../protocols/ports.ts';
import type { Actor } from '../actor.ts';
import { runMachine } from '../running-machine.ts';
import { coordinatorMachine } from './coordinator-machine.ts';
import type { PartitionSteering } from './coordinator-parts.ts';
import type { Partition } from './partition.ts';

export interface SteeringPorts {
  readonly actor: Actor;
  readonly clock: Clock;
  readonly log: Log;
  /** Tells the virtualizer that the volume cannot go on as it is. */
  readonly report: (volume: VolumeId, what: string) => void;
}

type CoordinatorActor = MachineActor<typeof coordinatorMachine>;

export class Steering implements PartitionSteering {
  readonly #volume: VolumeId;
  readonly #ports: SteeringPorts;
  readonly #machines = new Map<Partition, CoordinatorActor>();

  constructor(volume: VolumeId, ports: SteeringPorts) {
    this.#volume = volume;
    this.#ports = ports;
  }

  assigned(partition: Partition): void {
    const machine = this.#machines.get(partition) ?? this.#start(partition);
    machine.send({ type: 'partition.assigned' });
  }

  settled(partition: Partition): void {
    this.#machines.get(partition)?.send({ type: 'partition.settled' });
  }

  troubled(partition: Partition, what: string): void {
    this.#machines.get(partition)?.send({ type: 'partition.troubled', what });
  }

  yields(partition: Partition): void {
    this.#machines.get(partition)?.send({ type: 'yield.requested' });
  }

  kept(partition: Partition): void {
    if (partition.mode === 'yielding')
      this.#machines.get(partition)?.send({ type: 'partition.kept' });
  }

  released(partition: Partition): void {
    const machine = this.#machines.get(partition);
    if (machine === undefined) return;
    machine.send({ type: 'partition.released' });
    machine.stop();
    this.#machines.delete(partition);
  }

  #start(partition: Partition): CoordinatorActor {
    const { actor, clock, log, report } = this.#ports;
    const machine = runMachine({
      machine: coordinatorMachine.provide({
        actions: {
          publishMode: (_, { mode, problem }) => {
            partition.mode = mode;
            partition.problem = problem;
          },
          reportTrouble: (_, { problem }) => report(this.#volume, problem),
        },
      }),
      name: `coordinator:${this.#volume}/${partition.number}`,
      input: undefined,
      actor,
      clock,
      log,
      onFailure: () => {
        partition.mode = 'unassigned';
      },
    });
    this.#machines.set(partition, machine);
    return machine;
  }
}
