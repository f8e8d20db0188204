/**
 * A process's actors as NATS service discovery shows them: an endpoint for each verb that an actor answers, with what
 * it has done with it, and the plain facts of the actor beside `describe`.
 */
import { readFileSync } from 'node:fs';
import type { Actor, ActorPorts } from '../actors/actor.ts';
import { type Description, verbs } from '../protocols/commands.ts';
import type { ClusterId } from '../protocols/ids.ts';
import type { Cancel } from '../protocols/ports.ts';
import { answerServiceDiscovery, type DiscoverableActor } from './nats/services.ts';
import { packageFile } from './package-root.ts';

export interface ActorServices {
  readonly cluster: ClusterId;
  /** The process's name. */
  readonly node: string;
  readonly actors: readonly Actor[];
  readonly ports: Pick<ActorPorts, 'control' | 'clock' | 'log'>;
}

/** Answers service discovery for all actors of this process, until it is cancelled. */
export function answerForActors({ cluster, node, actors, ports }: ActorServices): Cancel {
  const { control, clock, log } = ports;
  const startedAtMs = clock.wallTimeMs();
  const metadata = { cluster, node, pid: String(process.pid) };
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
    version: string;
  };
  return answerServiceDiscovery({
    bus: control,
    log,
    version,
    actors: () => actors.map((actor) => discoverable(actor, metadata, startedAtMs)),
  });
}

function discoverable(
  actor: Actor,
  metadata: Readonly<Record<string, string>>,
  startedAtMs: number,
): DiscoverableActor {
  const { kind, id } = actor.address;
  const description = actor.description();
  const { state, incarnation } = description;
  return {
    kind,
    id,
    description: `${kind} ${id} of Sanctor cluster ${metadata.cluster}`,
    metadata: { ...metadata, state, incarnation: String(incarnation) },
    startedAtMs,
    endpoints: actor.commands.map(({ verb, counters }) => ({
      name: verb,
      subject: actor.subjects.command(actor.address, verb),
      counters,
      ...(verb === verbs.describe ? { data: plainFacts(description) } : {}),
    })),
  };
}

/** State, single facts, counters and what has not ended; lists are left to whoever asks the actor itself. */
function plainFacts({ state, facts }: Description): Readonly<Record<string, unknown>> {
  const single = Object.entries(facts).filter(([, fact]) => typeof fact !== 'object');
  const { counters = {}, underWay } = facts;
  return {
    state,
    ...Object.fromEntries(single),
    ...(underWay === undefined ? {} : { underWay }),
    counters,
  };
}
