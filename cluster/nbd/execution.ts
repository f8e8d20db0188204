/** Hands a checked request to the volume: the one place where commands become calls. */
import type { AttachedVolume } from '../../protocols/attached-volume.ts';
import * as nbd from '../../protocols/nbd/constants.ts';
import { unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { RequestSlot } from './request-slot.ts';

/**
 * The volume then ends the slot's I/O, exactly once. NO_HOLE needs nothing: zeroes are written into blocks that stay
 * allocated. CACHE is a read whose bytes nobody takes: it fills the caches on the way.
 */
export function execute(slot: RequestSlot, volume: AttachedVolume): void {
  const offset = unitOf<VolumeOffset>(slot.offset);
  const fua = (slot.flags & nbd.NBD_CMD_FLAG_FUA) !== 0;
  switch (slot.command) {
    case nbd.NBD_CMD_READ:
    case nbd.NBD_CMD_CACHE:
      volume.read(offset, slot.lengthBytes, slot.ioDone);
      break;
    case nbd.NBD_CMD_WRITE:
      volume.write(offset, slot.payload, fua, slot.ioDone);
      break;
    case nbd.NBD_CMD_WRITE_ZEROES:
      volume.writeZeroes(offset, slot.lengthBytes, fua, slot.ioDone);
      break;
    case nbd.NBD_CMD_TRIM:
      volume.trim(offset, slot.lengthBytes, fua, slot.ioDone);
      break;
    case nbd.NBD_CMD_FLUSH:
      volume.flush(slot.ioDone);
      break;
    case nbd.NBD_CMD_BLOCK_STATUS:
      volume.allocation(offset, slot.lengthBytes, slot.allocationDone);
      break;
    default:
      throw new TypeError(`command ${slot.command} passed the check, and nobody executes it`);
  }
}
