import { expect } from 'chai';
import { eventLine, readEvent } from '../../../cluster/event-text.ts';
import {
  type Ended,
  type Plain,
  SimulatedSan,
  smallShippedTopology,
} from '../../tools/simulated-san.ts';

/** The lines of hosts' failovers as `watch` tells them, from now on, without time and sender. */
function watchFailovers(san: SimulatedSan): string[] {
  const lines: string[] = [];
  const { cluster } = san.world.topology;
  san.connect('watcher').subscribe(`san.v1.${cluster}.evt.host.*.failover`, {
    message: (data, subject) => {
      const event = readEvent(subject, data);
      if (event !== null) lines.push(eventLine(event).replace(/^.* failover +/, ''));
    },
  });
  return lines;
}

describe('what watch tells of a silence', () => {
  it('a switch that stands still under much I/O is one line of its host: what was seen, sent again, how long it took', () => {
    const san = new SimulatedSan(
      smallShippedTopology('default.yaml', (plain) => ({
        ...plain,
        volumes: (plain.volumes as Plain[]).map((volume) => ({ ...volume, size: '6MiB' })),
      })),
    );
    const driver = san.volume('h1', 'vol0');
    const ios: Ended[] = [];
    const load = (forMs: number) => {
      for (let ms = 0; ms < forMs; ms += 10) {
        ios.push(san.read(driver, (ios.length % 64) * 65_536, 4096));
        ios.push(san.write(driver, (ios.length % 64) * 65_536, 4096, ios.length % 251));
        san.runFor(10);
      }
    };
    load(2000);
    const lines = watchFailovers(san);
    const { process } = san.node('s1');
    process?.pause();
    load(6000);
    process?.resume();
    load(3000);
    san.finish(...ios);
    san.runFor(2000);
    expect(lines, lines.join('\n')).to.have.length(1);
    expect(lines[0]).to.match(
      /^s1: no answer from s1 for 2\d\d ms; sent it again, by another way where there is one.*: h1-[ab] over h1-[ab]-s\d.*; \d+ I\/Os hit, \d+ re-issues; over after [\d.]+ ms$/,
    );
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});
