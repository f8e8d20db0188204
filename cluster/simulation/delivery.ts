/** One message on its way to one subscription: the event that happens when it arrives, or does not. */
import { ScheduledEvent } from './event-queue.ts';
import type { DeliveryKind, Message } from './message.ts';
import type { NetworkParts, Receiver, Session, SimulatedSubscription } from './network-parts.ts';

/** What a paused process's sockets keep for it even when the server has hung up meanwhile. */
const socketBufferBytes = 256 * 1024;

export class Delivery extends ScheduledEvent {
  readonly message: Message;
  readonly #parts: NetworkParts;
  readonly #subscription: SimulatedSubscription;
  readonly #kind: DeliveryKind;
  readonly #publisherSession: Session;
  readonly #receiverSession: Session;
  readonly #atServerMs: number;
  #heldBytes = 0;
  #arrived = false;

  constructor(way: {
    parts: NetworkParts;
    message: Message;
    kind: DeliveryKind;
    subscription: SimulatedSubscription;
    publisherSession: Session;
    receiverSession: Session;
    atServerMs: number;
  }) {
    super(way.subscription.bus.process);
    this.message = way.message;
    this.#parts = way.parts;
    this.#kind = way.kind;
    this.#subscription = way.subscription;
    this.#publisherSession = way.publisherSession;
    this.#receiverSession = way.receiverSession;
    this.#atServerMs = way.atServerMs;
  }

  get #receiver(): Receiver {
    return this.#subscription.bus;
  }

  override fire(): void {
    const receiver = this.#receiver;
    if (this.#heldBytes > 0) this.#letGo();
    if (receiver.stalled) {
      receiver.holdBack(this, this.message.bytes.data.length);
      return;
    }
    const failure = this.#failure();
    const parts = this.#parts;
    parts.note(failure ?? this.#kind, this.message, receiver.name);
    if (failure !== null) return;
    receiver.hear(this.#subscription, this.message, this.#kind);
    if (!parts.memory.isUnchanged(this.message.bytes))
      parts.accuse(`${receiver.name} changed the bytes of a message that it got`, this.message);
  }

  override abandoned(): void {
    if (this.#heldBytes > 0) this.#letGo();
    this.#parts.note('dead', this.message, this.#receiver.name);
  }

  override held(): void {
    this.#heldBytes = this.message.bytes.data.length;
    const waitingBytes = this.#receiver.addWaiting(this.#heldBytes);
    this.#arrived = waitingBytes <= socketBufferBytes;
  }

  #letGo(): void {
    this.#receiver.addWaiting(-this.#heldBytes);
    this.#heldBytes = 0;
  }

  #failure(): 'cut' | 'partitioned' | 'cancelled' | null {
    const receiver = this.#receiver;
    const hungUp = receiver.session !== this.#receiverSession && !this.#arrived;
    if (hungUp || this.#publisherSession.endedAtMs < this.#atServerMs) return 'cut';
    if (this.#parts.isPartitioned(this.#publisherSession.process, receiver.process.name))
      return 'partitioned';
    return this.#subscription.cancelled ? 'cancelled' : null;
  }
}
