/**
 * Which volumes a switch has loaded: bounded memory, as real switches have it (DESIGN S4). What does not fit is
 * refused; nothing is evicted, for a coordinator must keep what it coordinates by.
 */
import type { SwitchLoad } from '../../protocols/control-data.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import { loadedVolumesMax } from '../../protocols/layout/layout-memory.ts';
import { type LoadedVolume, loadBytesOf } from './loaded-volume.ts';

export class LayoutMemory {
  readonly bytesMax: number;
  readonly #volumes = new Map<VolumeId, LoadedVolume>();
  #usedBytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get(volume: VolumeId): LoadedVolume | undefined {
    return this.#volumes.get(volume);
  }

  all(): Iterable<LoadedVolume> {
    return this.#volumes.values();
  }

  get count(): number {
    return this.#volumes.size;
  }

  /** Why a load does not fit, as a sentence for people; '' when it does. */
  whyNot(load: SwitchLoad): string {
    const before = this.#volumes.get(load.volume);
    if (before === undefined && this.#volumes.size >= loadedVolumesMax)
      return `${loadedVolumesMax} volumes are loaded, which is the most; unload one`;
    const freedBytes = before === undefined ? 0 : loadBytesOf(before.load);
    const neededBytes = loadBytesOf(load);
    const leftBytes = this.bytesMax - this.#usedBytes + freedBytes;
    return neededBytes <= leftBytes
      ? ''
      : `volume ${load.volume} needs ${neededBytes} bytes of layout memory, ${leftBytes} of ` +
          `${this.bytesMax} are left; unload another volume or raise layoutMemoryBytes`;
  }

  /** Puts a volume in the place of an older load of it; `whyNot` was asked before. */
  put(volume: LoadedVolume): void {
    this.remove(volume.load.volume);
    this.#volumes.set(volume.load.volume, volume);
    this.#usedBytes += loadBytesOf(volume.load);
  }

  remove(volume: VolumeId): void {
    const before = this.#volumes.get(volume);
    if (before === undefined) return;
    this.#usedBytes -= loadBytesOf(before.load);
    this.#volumes.delete(volume);
  }
}
