/**
 * What a host thinks of its HBAs: one path machine for each, as links have, fed with the loss and the return of its
 * connection. So dwell time, failback and quarantine hold for an HBA or a fabric that comes and goes, whatever its links
 * are worth.
 */
import type { Actor as MachineActor } from 'xstate';
import type { HbaId } from '../../protocols/ids.ts';
import type { Clock, Log } from '../../protocols/ports.ts';
import type { Actor } from '../actor.ts';
import type { Hba } from '../hba/hba.ts';
import { runMachine } from '../running-machine.ts';
import type { FailbackPolicy } from './driver-policy.ts';
import { pathMachine } from './path-machine.ts';
import { LinkRank } from './route-table.ts';

export interface HbaPathsParts {
  readonly actor: Actor;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: FailbackPolicy;
  readonly hbas: ReadonlyMap<HbaId, Hba>;
  /** A rank changed: route tables are to be built anew. */
  readonly hbaRanked: () => void;
}

interface HbaPath {
  /** Set by its path machine only. */
  rank: LinkRank;
}

export class HbaPaths {
  readonly #parts: HbaPathsParts;
  readonly #paths = new Map<HbaId, HbaPath>();
  readonly #machines = new Map<HbaId, MachineActor<typeof pathMachine>>();

  constructor(parts: HbaPathsParts) {
    this.#parts = parts;
    for (const id of parts.hbas.keys()) {
      const path = { rank: LinkRank.usable };
      this.#paths.set(id, path);
      this.#machines.set(id, this.#run(id, path));
    }
  }

  /** What is thought of an HBA; of one that has no connection: failed, whatever its machine says. */
  rank(id: HbaId): LinkRank {
    const isUsable = this.#parts.hbas.get(id)?.usable === true;
    return isUsable ? (this.#paths.get(id)?.rank ?? LinkRank.failed) : LinkRank.failed;
  }

  /** The machine of an HBA, to look at it. */
  machine(id: HbaId): MachineActor<typeof pathMachine> | undefined {
    return this.#machines.get(id);
  }

  /** Its connection came or went. Whoever has an HBA to itself meets its loss: there is nobody else to hear of it from. */
  changed({ id, usable }: Hba): void {
    const atMs = this.#parts.clock.now();
    this.#machines
      .get(id)
      ?.send(
        usable ? { type: 'path.answered', atMs } : { type: 'path.failed', atMs, byOwnIo: true },
      );
  }

  /** Prefers HBAs again that are in reserve or in quarantine; all of them, or one. @returns which those are */
  failBack(only: HbaId | null): readonly HbaId[] {
    const waiting = [...this.#paths]
      .filter(([id]) => only === null || id === only)
      .filter(([, { rank }]) => rank === LinkRank.standby || rank === LinkRank.quarantined)
      .map(([id]) => id);
    for (const id of waiting) this.#machines.get(id)?.send({ type: 'failback.requested' });
    return waiting;
  }

  stop(): void {
    for (const machine of this.#machines.values()) machine.stop();
    this.#machines.clear();
  }

  #run(id: HbaId, path: HbaPath): MachineActor<typeof pathMachine> {
    const { actor, clock, log, policy, hbaRanked } = this.#parts;
    const publish = (rank: LinkRank) => {
      if (path.rank === rank) return;
      path.rank = rank;
      hbaRanked();
    };
    return runMachine({
      machine: pathMachine.provide({
        actions: { publishRank: (_, { rank }) => publish(LinkRank[rank]) },
      }),
      name: `path:${id}`,
      input: { policy, needsProbe: false },
      actor,
      clock,
      log,
      onFailure: () => publish(LinkRank.failed),
    });
  }
}
