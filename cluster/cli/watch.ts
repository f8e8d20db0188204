/** `sanctor watch`: prints the cluster's events as they come, one line each, and says when some did not come. */

import { decodeJson } from '../../actors/json.ts';
import { lastEventSchema } from '../../protocols/events.ts';
import { type ActorAddress, type ClusterId, idOf } from '../../protocols/ids.ts';
import { senderOf, subjectsOf } from '../../protocols/subjects.ts';
import { EventGaps } from '../event-gaps.ts';
import { eventLine, isNews, missedLine, readEvent } from '../event-text.ts';
import { connectNatsBus } from '../nats/bus.ts';
import { createPinoLog } from '../pino-log.ts';
import { findRunningCluster } from '../supervisor/cluster-registry.ts';

/** Whoever reads more slowly than events come misses some, and is told. */
const unreadBytesMax = 4 * 1024 * 1024;

/** Runs until interrupted, or until nobody reads any more. */
export async function watch(cluster: string | undefined, json: boolean): Promise<void> {
  const entry = findRunningCluster(cluster);
  const log = createPinoLog({ name: 'watch', level: 'warn' });
  const bus = await connectNatsBus({
    servers: entry.natsUrl,
    name: 'watch/control',
    log,
    waitForServer: false,
  });
  bus.onState((state) => {
    if (state === 'disconnected')
      process.stderr.write('connection lost; waiting for the NATS server\n');
  });
  const subjects = subjectsOf(idOf<ClusterId>(entry.cluster));
  const printed = new PrintedEvents(json);
  bus.subscribe(subjects.events(), {
    message: (data, subject) => printed.event(subject, data),
  });
  bus.subscribe(subjects.telemetries(), {
    message: (data, subject) => printed.telemetry(subject, data),
  });
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    process.stdout.once('error', () => resolve());
  });
  await new Promise<void>((resolve) => bus.close(resolve));
}

/** Events on standard output. */
class PrintedEvents {
  readonly #json: boolean;
  readonly #gaps = new EventGaps();

  constructor(json: boolean) {
    this.#json = json;
  }

  event(subject: string, data: Uint8Array): void {
    const event = readEvent(subject, data);
    // What is not taken now shows as a gap later.
    if (event === null || process.stdout.writableLength > unreadBytesMax) return;
    const { sender, body } = event;
    const { incarnation, sequence, timeMs } = body;
    this.#missed(sender, this.#gaps.came(keyOf(sender), incarnation, sequence), timeMs);
    if (this.#json) this.#print(JSON.stringify({ subject, ...body }));
    else if (isNews(event)) this.#print(eventLine(event));
  }

  telemetry(subject: string, data: Uint8Array): void {
    const sender = senderOf(subject)?.sender;
    const told = lastEventSchema.safeParse(decodeJson(data)).data;
    if (sender === undefined || told === undefined) return;
    const { incarnation, lastEvent } = told;
    this.#missed(sender, this.#gaps.toldLast(keyOf(sender), incarnation, lastEvent), Date.now());
  }

  #missed(sender: ActorAddress, count: number, timeMs: number): void {
    if (count === 0) return;
    const { kind, id } = sender;
    this.#print(
      this.#json
        ? JSON.stringify({ missed: count, sender: { kind, id }, timeMs })
        : missedLine(timeMs, sender, count),
    );
  }

  #print(line: string): void {
    process.stdout.write(`${line}\n`);
  }
}

function keyOf({ kind, id }: ActorAddress): string {
  return `${kind} ${id}`;
}
