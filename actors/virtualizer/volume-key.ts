/**
 * A volume's one key of the config database (DESIGN I3): the last decision about it, or what stays of it once it was
 * deleted. Answers in events of the volume machine; what is decided is the decider's.
 */
import {
  type EndedVolume,
  isEnded,
  type VolumeRecord,
  volumeKeySchema,
} from '../../protocols/control-data.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import { databaseKeys, type RecordRead, RecordStore, type RecordWrite } from './record-store.ts';
import type { VolumeEnvironment } from './volume-environment.ts';
import type { VolumeMachineEvent } from './volume-setup.ts';

type Tell = (event: VolumeMachineEvent) => void;

export class VolumeKey {
  readonly #environment: VolumeEnvironment;
  readonly #store: RecordStore<VolumeRecord | EndedVolume>;
  #record: VolumeRecord | null = null;
  #former: EndedVolume | null = null;
  #isRead = false;

  constructor(environment: VolumeEnvironment, volume: VolumeId) {
    this.#environment = environment;
    const key = databaseKeys.volume(volume);
    this.#store = new RecordStore(environment.database, key, volumeKeySchema);
  }

  /** The last decision that is known to be written; null before the first, and after the end. */
  get record(): VolumeRecord | null {
    return this.#record;
  }

  /** What stays of the volume that had this name before; null when there was none. */
  get former(): EndedVolume | null {
    return this.#former;
  }

  /** False until it is known whether the volume exists. */
  get isRead(): boolean {
    return this.#isRead;
  }

  read(tell: Tell): void {
    this.#store.read((result) => {
      const event = this.#afterRead(result);
      if (event !== null) tell(event);
    });
  }

  /** @param written called before `tell`, and only when the record is surely written */
  write(record: VolumeRecord, written: () => void, tell: Tell): void {
    this.#store.write(record, (result) => {
      if (result.outcome === 'written') {
        this.#record = record;
        written();
      }
      tell(afterWrite(result));
    });
  }

  /** Ends the volume: from here on there is no record of it. */
  end(ended: EndedVolume, tell: Tell): void {
    this.#store.write(ended, (result) => {
      if (result.outcome === 'written') {
        this.#record = null;
        this.#former = ended;
      }
      tell(afterWrite(result));
    });
  }

  #afterRead(result: RecordRead<VolumeRecord | EndedVolume>): VolumeMachineEvent | null {
    const { clusterIdentity, controlEpoch, outranked } = this.#environment;
    switch (result.outcome) {
      case 'unavailable': {
        const reason = `the config database cannot be read: ${result.reason}`;
        return { type: 'record.unreadable', reason };
      }
      case 'invalid':
        return { type: 'record.unreadable', reason: result.reason };
      case 'absent':
        this.#record = null;
        this.#former = null;
        break;
      case 'found': {
        const { value } = result;
        if (value.clusterIdentity !== clusterIdentity) {
          const reason = `its record is of another cluster, with identity ${value.clusterIdentity}`;
          return { type: 'record.unreadable', reason };
        }
        if (value.controlEpoch > controlEpoch) {
          outranked(value.controlEpoch);
          return null;
        }
        this.#record = isEnded(value) ? null : value;
        this.#former = isEnded(value) ? value : null;
      }
    }
    this.#isRead = true;
    return { type: 'record.read' };
  }
}

function afterWrite(result: RecordWrite): VolumeMachineEvent {
  switch (result.outcome) {
    case 'conflict':
      return { type: 'record.contested', reason: 'somebody else changed its record' };
    case 'unknown': {
      const reason = `whether its record was written is not known: ${result.reason}`;
      return { type: 'record.contested', reason };
    }
    case 'written':
      return { type: 'record.written' };
  }
}
