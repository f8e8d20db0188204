/**
 * NATS service discovery (ADR-32, "micro"): one responder per process answers `$SRV.PING`, `INFO` and `STATS` for all
 * actors of the process, so that `nats service ls / info / stats` shows every actor. A service's name is the kind of
 * the actor, its id the actor's id. One subscription for all of them; npm `nats`' own framework makes about ten per
 * service, and reports fractions where the command line tool, written in Go, accepts whole numbers only.
 */
import type { ActorKind } from '../../protocols/ids.ts';
import type { Bus, Cancel, Log } from '../../protocols/ports.ts';

/** What an endpoint has done since its actor started. */
export interface EndpointCounters {
  readonly requests: number;
  readonly errors: number;
  /** All requests together, in nanoseconds. */
  readonly processingNs: number;
  /** '' when there was none. */
  readonly lastError: string;
}

/** One thing that an actor can be asked: a verb and the subject to send it to. */
export interface DiscoverableEndpoint {
  /** Of the grammar of ids. */
  readonly name: string;
  readonly subject: string;
  readonly counters: EndpointCounters;
  /** Anything more that `STATS` should show; must be JSON. */
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface DiscoverableActor {
  readonly kind: ActorKind;
  readonly id: string;
  /** For people: one line. */
  readonly description: string;
  /** Shown by `nats service info`: cluster, state, process and the like. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly endpoints: readonly DiscoverableEndpoint[];
}

export interface ServiceDiscoveryOptions {
  readonly bus: Bus;
  readonly log: Log;
  /** Version of Sanctor: strict SemVer, else the command line tool refuses the answer. */
  readonly version: string;
  /** The actors that this process runs now; asked at each request. */
  readonly actors: () => readonly DiscoverableActor[];
}

type Verb = 'PING' | 'INFO' | 'STATS';

const discoverySubject = '$SRV.>';
const encoder = new TextEncoder();

/** Answers until it is cancelled. Requests it does not understand get no answer, as of any other service. */
export function answerServiceDiscovery(options: ServiceDiscoveryOptions): Cancel {
  const { bus, log } = options;
  return bus.subscribe(discoverySubject, {
    message(_data, subject, replySubject) {
      const request = requestIn(subject);
      if (request === null || replySubject === '') return;
      for (const actor of options.actors()) {
        if (request.name !== null && request.name !== actor.kind) continue;
        if (request.id !== null && request.id !== actor.id) continue;
        const answer = fittingAnswer(request.verb, actor, options);
        if (answer !== null) bus.publish(replySubject, answer);
        else log.warn({ actor: actor.id, verb: request.verb }, 'answer is too large');
      }
    },
  });
}

/** `$SRV.<verb>[.<name>[.<id>]]`; null for any other subject. */
function requestIn(
  subject: string,
): { readonly verb: Verb; readonly name: string | null; readonly id: string | null } | null {
  const [, verb, name = null, id = null, ...rest] = subject.split('.');
  if (verb !== 'PING' && verb !== 'INFO' && verb !== 'STATS') return null;
  return rest.length > 0 ? null : { verb, name, id };
}

/**
 * An answer as one message: with fewer endpoints and no data of theirs where it would be too large otherwise, and the
 * number of endpoints left out in `metadata.omitted`. Null when even that does not fit.
 */
function fittingAnswer(
  verb: Verb,
  actor: DiscoverableActor,
  { bus, version }: ServiceDiscoveryOptions,
): Uint8Array | null {
  const whole = encoded(verb, actor, version);
  if (whole.length <= bus.payloadBytesMax) return whole;
  const { endpoints, metadata } = actor;
  for (let count = endpoints.length; ; count = Math.floor(count / 2)) {
    const omitted = String(endpoints.length - count);
    const answer = encoded(
      verb,
      {
        ...actor,
        metadata: omitted === '0' ? metadata : { ...metadata, omitted },
        endpoints: endpoints.slice(0, count).map(({ data: _, ...endpoint }) => endpoint),
      },
      version,
    );
    if (answer.length <= bus.payloadBytesMax) return answer;
    if (count === 0) return null;
  }
}

function encoded(verb: Verb, actor: DiscoverableActor, version: string): Uint8Array {
  return encoder.encode(JSON.stringify(answerOf(verb, actor, version)));
}

function answerOf(verb: Verb, actor: DiscoverableActor, version: string): object {
  const { kind: name, id, metadata } = actor;
  const type = `io.nats.micro.v1.${verb.toLowerCase()}_response`;
  const identity = { type, name, id, version, metadata };
  switch (verb) {
    case 'PING':
      return identity;
    case 'INFO':
      return {
        ...identity,
        description: actor.description,
        endpoints: actor.endpoints.map((endpoint) => ({
          name: endpoint.name,
          subject: endpoint.subject,
          queue_group: '',
          metadata: null,
        })),
        // Asked for by tools from before endpoints had names.
        subjects: actor.endpoints.map((endpoint) => endpoint.subject),
      };
    case 'STATS':
      return {
        ...identity,
        started: new Date(actor.startedAtMs).toISOString(),
        endpoints: actor.endpoints.map(statisticsOf),
      };
  }
}

function statisticsOf(endpoint: DiscoverableEndpoint): object {
  const { requests, errors, processingNs, lastError } = endpoint.counters;
  return {
    name: endpoint.name,
    subject: endpoint.subject,
    queue_group: '',
    num_requests: whole(requests),
    num_errors: whole(errors),
    last_error: lastError,
    processing_time: whole(processingNs),
    average_processing_time: requests > 0 ? whole(processingNs / requests) : 0,
    ...(endpoint.data === undefined ? {} : { data: endpoint.data }),
  };
}

/** As Go's int64 reads it: no fraction, no exponent. */
function whole(value: number): number {
  if (!(value > 0)) return 0;
  return Math.min(Math.round(value), Number.MAX_SAFE_INTEGER);
}
