/** The I/Os that are remembered of each attached host; they are forgotten with the attachment. */
import type { AttachmentRecord } from '../../protocols/control-data.ts';
import type { HostId } from '../../protocols/ids.ts';
import { KnownIos } from './known-ios.ts';
import type { HostWrites, OwedTo } from './unfinished-writes.ts';

interface Attached {
  readonly record: AttachmentRecord;
  readonly ios: KnownIos;
}

export class Attachments {
  #attached = new Map<HostId | '', Attached>();

  /** Takes a newer decision over. A host with the same attach epoch and incarnation is the same attachment. */
  update(records: readonly AttachmentRecord[]): void {
    const before = this.#attached;
    this.#attached = new Map();
    for (const record of records) {
      const known = before.get(record.host);
      const same =
        known?.record.attachEpoch === record.attachEpoch &&
        known.record.hostIncarnation === record.hostIncarnation;
      const ios = same ? known.ios : new KnownIos();
      this.#attached.set(record.host, { record, ios });
    }
  }

  /** Their I/Os that have not ended here. */
  get openIos(): number {
    return [...this.#attached.values()].reduce((sum, { ios }) => sum + ios.openCount, 0);
  }

  /** Takes note of what an attachment has done through another coordinator, but for what is owed. */
  restore({ host, watermark, writes, done }: HostWrites, owed: readonly OwedTo[]): void {
    const known = this.iosOf(host);
    known.raise(watermark);
    for (const write of writes)
      if (done.has(write.ioNumber) && !owed.some((each) => each.write === write))
        known.restore(write.ioNumber);
  }

  /** @throws RangeError for a host that is not attached: that was to be checked. */
  iosOf(host: HostId | ''): KnownIos {
    const attached = this.#attached.get(host);
    if (attached === undefined) throw new RangeError(`host ${host} is not attached`);
    return attached.ios;
  }
}
