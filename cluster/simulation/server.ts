/**
 * One simulated NATS server (a fabric, or the command network): finds who listens, and decides when each message
 * arrives. A message goes to the server and from there to each receiver; on both legs it stays behind its elders
 * of the same publisher. Receivers are found at the moment of publishing.
 */
import { type Exchange, SimulatedBus, type SimulatedConnectOptions } from './bus.ts';
import { Delivery } from './delivery.ts';
import { Interest } from './interest.ts';
import type { DeliveryKind, Message } from './message.ts';
import type { NetworkParts, Session, SimulatedSubscription } from './network-parts.ts';
import { calmWeather, drawLegMs, type Weather } from './weather.ts';

export class SimulatedServer implements Exchange {
  readonly name: string;
  weather: Weather = calmWeather;
  readonly #parts: NetworkParts;
  readonly #interest = new Interest<SimulatedSubscription>();
  readonly #buses = new Set<SimulatedBus>();
  #up = true;

  constructor(parts: NetworkParts, name: string) {
    this.#parts = parts;
    this.name = name;
  }

  get up(): boolean {
    return this.#up;
  }

  /** Connections that were neither closed nor killed, connected now or not, oldest first. */
  get connections(): readonly SimulatedBus[] {
    return [...this.#buses];
  }

  /** A new connection; it comes about at once if the server is up, else later. */
  connect(options: SimulatedConnectOptions): SimulatedBus {
    const bus = new SimulatedBus(this.#parts, this, options);
    this.#buses.add(bus);
    return bus;
  }

  /** Ends all connections; none comes back before `start`. */
  stop(): void {
    this.#up = false;
    for (const bus of this.#buses) bus.cut();
  }

  start(): void {
    this.#up = true;
  }

  /** Stands still, and nobody is told: connections are given up after some seconds, and do not come back before `resume`. */
  pause(): void {
    this.#up = false;
    for (const bus of this.#buses) bus.stall();
  }

  /** What waited goes on, where its connection was not given up. */
  resume(): void {
    this.#up = true;
    for (const bus of this.#buses) bus.release();
  }

  carry(publisher: SimulatedBus, session: Session, message: Message): void {
    const weather = this.weather;
    const arrivesMs = this.#parts.clock.now() + drawLegMs(weather, this.#parts.random);
    session.lastAtServerMs = Math.max(session.lastAtServerMs, arrivesMs);
    const matching = this.#interest.match(message.subject);
    if (matching.length === 0) this.#refuse(publisher, session, message);
    else
      for (const subscription of matching) this.#send('delivered', session, subscription, message);
  }

  add(subscription: SimulatedSubscription): void {
    this.#interest.add(subscription);
  }

  remove(subscription: SimulatedSubscription): void {
    this.#interest.remove(subscription);
  }

  leave(bus: SimulatedBus): void {
    this.#buses.delete(bus);
  }

  /** Nobody listens: tells the publisher, and only it, if it listens for the answer. */
  #refuse(publisher: SimulatedBus, session: Session, message: Message): void {
    const { replySubject } = message;
    const listening = replySubject === '' ? [] : this.#interest.match(replySubject);
    const own = listening.find((subscription) => subscription.bus === publisher);
    if (own === undefined) this.#parts.note('unheard', message, '');
    else this.#send('no-responders', session, own, message);
  }

  #send(
    kind: DeliveryKind,
    publisherSession: Session,
    subscription: SimulatedSubscription,
    message: Message,
  ): void {
    const parts = this.#parts;
    const { weather } = this;
    const receiverSession = subscription.bus.session;
    if (receiverSession === null) return;
    if (parts.random.chance(weather.lossPerMillion)) {
      parts.note('lost', message, subscription.bus.name);
      return;
    }
    const atServerMs = publisherSession.lastAtServerMs;
    const elderMs = receiverSession.lastDueMs.get(message.from) ?? 0;
    const dueMs = Math.max(elderMs, atServerMs + drawLegMs(weather, parts.random));
    receiverSession.lastDueMs.set(message.from, dueMs);
    const way = { message, kind, subscription, publisherSession, receiverSession, atServerMs };
    parts.clock.scheduleAt(new Delivery(parts, way), dueMs);
    if (kind === 'delivered' && parts.random.chance(weather.repeatPerMillion)) {
      const lateMs = parts.random.between(0, weather.repeatLateMsMax);
      parts.clock.scheduleAt(new Delivery(parts, { ...way, kind: 'repeated' }), dueMs + lateMs);
    }
  }
}
