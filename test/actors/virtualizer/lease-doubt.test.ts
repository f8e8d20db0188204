import { expect } from 'chai';
import { LeaseDoubt } from '../../../actors/virtualizer/lease-doubt.ts';
import type { AttachmentRecord, VolumeRecord } from '../../../protocols/control-data.ts';
import { idOf } from '../../../protocols/ids.ts';
import { unitOf } from '../../../protocols/units.ts';

type Held = Partial<Omit<AttachmentRecord, 'host'>> & { host: string };

function recordOf(...held: readonly Held[]): VolumeRecord {
  const attachments = held.map(({ host, ...more }) => ({
    host: idOf(host),
    hostIncarnation: unitOf(1),
    attachEpoch: unitOf(5),
    firstEpoch: unitOf(5),
    mode: 'exclusive',
    readOnly: false,
    ...more,
  }));
  return { attachments } as unknown as VolumeRecord;
}

describe('whether caches may still answer a former holder', () => {
  const h1 = recordOf({ host: 'h1' });
  const h2 = recordOf({ host: 'h2' });
  let doubt: LeaseDoubt;
  beforeEach(() => {
    doubt = new LeaseDoubt(true);
    doubt.deciding(null);
  });

  it('is so when an exclusive attachment is taken away, until a lease’s time has passed', () => {
    doubt.decided(h1, h2, []);
    expect(doubt.mayLast).to.equal(true);
    doubt.deciding(h2);
    doubt.decided(h2, h2, []);
    expect(doubt.mayLast, 'the wait was interrupted by another decision').to.equal(true);
    doubt.over();
    expect(doubt.mayLast).to.equal(false);
  });

  it('is so when another process of the same host takes its place', () => {
    doubt.decided(h1, recordOf({ host: 'h1', hostIncarnation: unitOf(2) }), []);
    expect(doubt.mayLast).to.equal(true);
  });

  it('is not so when it goes on, was let go, or was shared', () => {
    doubt.decided(h1, recordOf({ host: 'h1', attachEpoch: unitOf(9) }), []);
    doubt.decided(h1, h2, [idOf('h1')]);
    doubt.decided(recordOf({ host: 'h1', mode: 'shared' }), recordOf(), []);
    expect(doubt.mayLast).to.equal(false);
  });

  it('cannot be known of what was decided before, or may not have been written', () => {
    doubt.contested();
    expect(doubt.mayLast).to.equal(true);
    const later = new LeaseDoubt(true);
    later.deciding(h1);
    expect(later.mayLast).to.equal(true);
  });

  it('never is where no switch has a cache', () => {
    const none = new LeaseDoubt(false);
    none.deciding(h1);
    none.decided(h1, h2, []);
    none.contested();
    expect(none.mayLast).to.equal(false);
  });
});
