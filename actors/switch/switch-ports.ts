/**
 * A switch's connections, one for each fabric that it is on. What answers an HBA goes out on the HBA's fabric. A
 * connection that is lost, or over which nothing comes any more although answers are due, is avoided where the switch
 * itself chooses how a frame goes on.
 */
import type { ActorAddress, HbaId } from '../../protocols/ids.ts';
import type { Bus, BusState, Cancel, Clock, Subscriber } from '../../protocols/ports.ts';

/** A connection that is quiet for so many sweeps while answers are due is avoided: before anything is sent again. */
const quietSweepsMax = 4;
/** Then it is tried again. */
const avoidMs = 2000;

export interface SwitchConnections {
  /** Each once; at least one. */
  readonly buses: readonly Bus[];
  /** Over which of them each HBA hears answers. */
  readonly hbas: ReadonlyMap<HbaId, Bus>;
}

interface Port {
  readonly bus: Bus;
  /** Something came since the last sweep. */
  isHeard: boolean;
  /** Answers are due that were asked for over it. */
  isAwaited: boolean;
  quietSweeps: number;
  avoidedUntilMs: number;
}

export class SwitchPorts {
  readonly #ports: readonly Port[];
  readonly #first: Bus;
  readonly #hbas: ReadonlyMap<string, Bus>;
  readonly #clock: Pick<Clock, 'now'>;
  #isWhole = true;

  /** @throws RangeError when there is no connection. */
  constructor({ buses, hbas }: SwitchConnections, clock: Pick<Clock, 'now'>) {
    const [first] = buses;
    if (first === undefined) throw new RangeError('a switch without any connection');
    this.#first = first;
    this.#hbas = hbas;
    this.#clock = clock;
    this.#ports = buses.map((bus) => ({
      bus,
      isHeard: false,
      isAwaited: false,
      quietSweeps: 0,
      avoidedUntilMs: 0,
    }));
  }

  /** Connected as long as one of them is. */
  get state(): BusState {
    const states = this.#ports.map(({ bus }) => bus.state);
    if (states.includes('connected')) return 'connected';
    return states.includes('disconnected') ? 'disconnected' : 'closed';
  }

  /** True while all of them work: then there is nothing to choose. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Calls at each change of a connection's state. */
  onState(listener: (changed: Bus) => void): Cancel {
    this.#judge();
    const cancels = this.#ports.map(({ bus }) =>
      bus.onState(() => {
        this.#judge();
        listener(bus);
      }),
    );
    return () => {
      for (const cancel of cancels) cancel();
    };
  }

  /** Subscribes on one connection, or on all. */
  subscribe(subject: string, subscriber: Subscriber, only?: Bus): Cancel {
    const ports = this.#ports.filter(({ bus }) => only === undefined || bus === only);
    const cancels = ports.map((port) =>
      port.bus.subscribe(subject, {
        message: (data, onSubject, replySubject) => {
          port.isHeard = true;
          subscriber.message(data, onSubject, replySubject);
        },
        noResponders: (onSubject) => {
          port.isHeard = true;
          subscriber.noResponders?.(onSubject);
        },
      }),
    );
    return () => {
      for (const cancel of cancels) cancel();
    };
  }

  /** The connection over which an answer reaches `receiver`. */
  answering({ kind, id }: ActorAddress): Bus {
    const known = kind === 'hba' ? this.#hbas.get(id) : undefined;
    return known ?? this.#ports.find(({ bus }) => bus.state === 'connected')?.bus ?? this.#first;
  }

  /** Whether a connection carries frames, as far as is known. The only one that is left is not avoided. */
  works(bus: Bus): boolean {
    if (this.#isWhole) return true;
    const port = this.#ports.find((each) => each.bus === bus);
    if (port === undefined || this.#works(port)) return true;
    return bus.state === 'connected' && !this.#ports.some((each) => this.#works(each));
  }

  /** An answer is due that was asked for over this connection. To be told between two sweeps. */
  awaits(bus: Bus): void {
    for (const port of this.#ports) if (port.bus === bus) port.isAwaited = true;
  }

  /** Looks at what came since the last time. */
  sweep(): void {
    if (this.#ports.length < 2) return;
    for (const port of this.#ports) {
      if (port.isHeard) {
        port.quietSweeps = 0;
        port.avoidedUntilMs = 0;
      } else if (port.isAwaited && ++port.quietSweeps >= quietSweepsMax) {
        port.quietSweeps = 0;
        port.avoidedUntilMs = this.#clock.now() + avoidMs;
      }
      port.isHeard = false;
      port.isAwaited = false;
    }
    this.#judge();
  }

  #judge(): void {
    this.#isWhole = this.#ports.every((port) => this.#works(port));
  }

  #works({ bus, avoidedUntilMs }: Port): boolean {
    return bus.state === 'connected' && this.#clock.now() >= avoidedUntilMs;
  }
}
