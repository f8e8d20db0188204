/**
 * While a host cannot go on with its writes, others of the same volume read and write the same places. Only so can be
 * seen what comes of these writes: whether one is carried out twice, or after its end (DESIGN I6).
 */
import type { AttachMode } from '../../protocols/control-data.ts';
import type { HostId } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';
import type { SeededRandom } from './random.ts';
import type { SectorRange } from './recorded-volume.ts';
import type { Consumer, Workload } from './workload.ts';

export interface ContendingConsumer extends Consumer {
  readonly host: HostId;
  readonly mode: AttachMode;
}

export interface Contention {
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** Theirs, which judges the requests. */
  readonly workload: Pick<Workload, 'watch'>;
  /** Of one volume. */
  readonly consumers: readonly ContendingConsumer[];
  /** Whose writes it is about. */
  readonly host: HostId;
  readonly forMs: number;
}

const stepMsMax = 120;
const placesMax = 4;
/** Of so many requests one is a write. */
const writesIn = 4;
/** One that does not go on itself adds no more to it. */
const openMax = 16;

/** Nothing where the host has the volume for itself. */
export function contend({ clock, random, workload, consumers, host, forMs }: Contention): void {
  const writer = consumers.find((each) => each.host === host);
  const others = consumers.filter((each) => each !== writer);
  if (writer?.mode !== 'shared' || others.length === 0) return;
  const endMs = clock.now() + forMs;
  const places = new Set<SectorRange>();
  const step = (number: number): void => {
    if (clock.now() >= endMs) return;
    // Those that were written first are the ones that are under way.
    for (const place of writer.recorded.openWrites) if (places.size < placesMax) places.add(place);
    const own = random.fork(String(number));
    if (places.size > 0) use(own.pick([...places]), own.pick(others), workload, own);
    clock.setTimeout(() => step(number + 1), own.between(0, stepMsMax));
  };
  step(0);
}

function use(
  { firstSector, sectorCount }: SectorRange,
  consumer: Consumer,
  workload: Pick<Workload, 'watch'>,
  random: SeededRandom,
): void {
  const { recorded } = consumer;
  const volume = consumer.volume();
  if (volume === null || !consumer.isOpen() || recorded.open >= openMax) return;
  const isWrite = random.integer(writesIn) === 0;
  const judge = workload.watch(consumer, isWrite ? 'write' : 'read');
  const place = { firstSector, sectorCount };
  if (isWrite) recorded.write(volume, place, false, judge);
  else recorded.read(volume, place, judge);
}
