/** One message on its way to one subscription: the event that happens when it arrives, or does not. */
import { ScheduledEvent } from './event-queue.ts';
import type { DeliveryKind, Message } from './message.ts';
import type { NetworkParts, Session, SimulatedSubscription } from './network-parts.ts';

/** What a paused process's sockets keep for it even when the server has hung up meanwhile. */
const socketBufferBytes = 256 * 1024;

/** Where a message comes from and goes to. */
export interface DeliveryWay {
  readonly message: Message;
  readonly kind: DeliveryKind;
  readonly subscription: SimulatedSubscription;
  readonly publisherSession: Session;
  readonly receiverSession: Session;
  readonly atServerMs: number;
}

export class Delivery extends ScheduledEvent {
  readonly #parts: NetworkParts;
  readonly #way: DeliveryWay;
  #heldBytes = 0;
  #arrived = false;

  constructor(parts: NetworkParts, way: DeliveryWay) {
    super(way.subscription.bus.process);
    this.#parts = parts;
    this.#way = way;
  }

  override fire(): void {
    const { message, kind, subscription } = this.#way;
    const receiver = subscription.bus;
    if (this.#heldBytes > 0) this.#letGo();
    if (receiver.stalled) {
      receiver.holdBack(this, message.bytes.data.length);
      return;
    }
    const failure = this.#failure();
    const parts = this.#parts;
    parts.note(failure ?? kind, message, receiver.name);
    if (failure !== null) return;
    receiver.hear(subscription, message, kind);
    if (!parts.memory.isUnchanged(message.bytes))
      parts.accuse(`${receiver.name} changed the bytes of a message that it got`, message);
  }

  override abandoned(): void {
    const { message, subscription } = this.#way;
    if (this.#heldBytes > 0) this.#letGo();
    this.#parts.note('dead', message, subscription.bus.name);
  }

  override held(): void {
    const { message, subscription } = this.#way;
    this.#heldBytes = message.bytes.data.length;
    const waitingBytes = subscription.bus.addWaiting(this.#heldBytes);
    this.#arrived = waitingBytes <= socketBufferBytes;
  }

  #letGo(): void {
    this.#way.subscription.bus.addWaiting(-this.#heldBytes);
    this.#heldBytes = 0;
  }

  #failure(): 'cut' | 'lost' | 'partitioned' | 'cancelled' | null {
    const { message, subscription, publisherSession, receiverSession, atServerMs } = this.#way;
    const receiver = subscription.bus;
    const hungUp = receiver.session !== receiverSession && !this.#arrived;
    if (hungUp || publisherSession.endedAtMs < atServerMs) return 'cut';
    if (this.#parts.isPartitioned(publisherSession.process, receiver.process.name))
      return 'partitioned';
    if (this.#parts.isSilenced(message.subject)) return 'partitioned';
    if (this.#parts.isLost(message)) return 'lost';
    return subscription.cancelled ? 'cancelled' : null;
  }
}
