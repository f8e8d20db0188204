/** What the contract of the Bus needs of a world, and what its tests use to say and hear. */
import { expect } from 'chai';
import type { Bus, Subscriber } from '../../protocols/ports.ts';

export interface BusWorld {
  /** A new connection, in a process of its own as far as the others can tell. */
  connect(name: string): Promise<Bus>;
  /** Ends a connection from outside; it does not come back before `mend`. */
  cut(bus: Bus): void;
  mend(bus: Bus): void;
  /** A connection that subscribes and then reads nothing at all. */
  stoppedReader(subject: string): Promise<void>;
  /** Milliseconds, virtual or real. */
  now(): number;
  /** Errors that were logged so far. */
  errorCount(): number;
  until(condition: () => boolean, what?: string): Promise<void>;
  /** Lets the work at hand, and what was asked for soon, end. */
  nextMacrotask(): Promise<void>;
  close(): Promise<void>;
}

/** A subscriber that writes everything down; `log` holds texts, `data` the bytes as they came. */
export class Recorder implements Subscriber {
  readonly log: string[] = [];
  readonly data: Uint8Array[] = [];
  readonly refusals: string[] = [];

  message(data: Uint8Array, subject: string, replySubject: string): void {
    this.data.push(data);
    const text = data.length < 100 ? new TextDecoder().decode(data) : `${data.length} bytes`;
    this.log.push(`${subject} ${text}${replySubject === '' ? '' : ` reply ${replySubject}`}`);
  }

  noResponders(subject: string): void {
    this.refusals.push(subject);
  }
}

let markCount = 0;

/** A text that no other message has. */
function newMark(): string {
  markCount += 1;
  return `mark${markCount}`;
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function record(bus: Bus, subject: string): Recorder {
  const recorder = new Recorder();
  bus.subscribe(subject, recorder);
  return recorder;
}

/** What was published before it by the same bus has arrived, or will not, once this has arrived. */
export async function pass(
  world: BusWorld,
  bus: Bus,
  recorder: Recorder,
  subject: string,
): Promise<void> {
  const mark = newMark();
  const line = `${subject} ${mark}`;
  expect(bus.publish(subject, bytes(mark))).to.equal('sent');
  await world.until(() => recorder.log.includes(line), `the mark on ${subject}`);
  recorder.log.splice(recorder.log.indexOf(line), 1);
  recorder.data.pop();
}

/** Subscriptions are known to the server once something that was sent after them came back. */
export async function settle(world: BusWorld, ...buses: Bus[]): Promise<void> {
  for (const bus of buses) {
    const subject = `settle.${newMark()}`;
    let arrived = false;
    const cancel = bus.subscribe(subject, {
      message: () => {
        arrived = true;
      },
    });
    bus.publish(subject, bytes(''));
    await world.until(() => arrived, 'a message to oneself');
    cancel();
  }
}
