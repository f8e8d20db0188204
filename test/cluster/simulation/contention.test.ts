import { expect } from 'chai';
import { VolumeHistory } from '../../../cluster/history/volume-history.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { contend } from '../../../cluster/simulation/contention.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { RecordedVolume } from '../../../cluster/simulation/recorded-volume.ts';
import type { AttachedVolume } from '../../../protocols/attached-volume.ts';
import type { AttachMode } from '../../../protocols/control-data.ts';
import type { HostId } from '../../../protocols/ids.ts';

const writer = 'h1' as HostId;

/** Two hosts with one volume, of which nothing ever ends; the first one is writing 8 sectors from sector 40. */
function stranded(mode: AttachMode) {
  const clock = new VirtualClock();
  const history = new VolumeHistory();
  const count = { moment: 0, value: 0 };
  const asked: string[] = [];
  const consumers = [writer, 'h2' as HostId].map((host) => {
    const note = (operation: string) => (offset: number) =>
      asked.push(`${host} ${operation}s ${offset / 512}`);
    const volume = { read: note('read'), write: note('write') } as unknown as AttachedVolume;
    return {
      host,
      mode,
      recorded: new RecordedVolume(history, clock, count),
      volume: () => volume,
      isOpen: () => true,
      refusal: () => ({ reason: '', agoMs: 0 }),
      hadWays: () => true,
    };
  });
  const [own] = consumers;
  own?.recorded.write(own.volume(), { firstSector: 40, sectorCount: 8 }, false, () => {});
  const watched: string[] = [];
  const workload = {
    watch: (_: unknown, kind: string) => {
      watched.push(kind);
      return () => {};
    },
  };
  contend({ clock, random: new SeededRandom(1), workload, consumers, host: writer, forMs: 700 });
  return { clock, asked, watched };
}

describe('contention about what a stranded host is writing', () => {
  it('is of the other hosts, which read and write the same place for as long as was asked', () => {
    const { clock, asked, watched } = stranded('shared');
    clock.runFor(700);
    expect([...new Set(asked)]).to.have.members(['h1 writes 40', 'h2 reads 40', 'h2 writes 40']);
    const { length } = asked;
    expect(length).to.be.greaterThan(5);
    clock.runFor(5000);
    expect(asked).to.have.length(length);
    expect(watched, 'all but the first write are judged').to.have.length(length - 1);
  });

  it('does not exist where the host has its volume for itself', () => {
    const { clock, asked } = stranded('exclusive');
    clock.runFor(700);
    expect(asked).to.deep.equal(['h1 writes 40']);
  });
});
