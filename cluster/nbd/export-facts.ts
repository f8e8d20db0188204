/** What a client is told about an export: size, abilities, block sizes, names. */
import * as nbd from '../../protocols/nbd/constants.ts';
import type { ExportFacts } from '../../protocols/nbd/handshake.ts';
import {
  type BlockSizes,
  encodeInfoBlockSize,
  encodeInfoExport,
  encodeInfoText,
} from '../../protocols/nbd/options.ts';
import { blockBytes } from '../../protocols/units.ts';
import type { NbdExport } from './exports.ts';

export function isReadOnly(offered: NbdExport): boolean {
  return offered.readOnly === true || offered.volume.readOnly;
}

/** NBD_FLAG_CAN_MULTI_CONN is true: a flush covers what ended before it on any connection, for all share a driver. */
export function factsOf(offered: NbdExport, structured: boolean): ExportFacts {
  const abilities =
    nbd.NBD_FLAG_HAS_FLAGS |
    nbd.NBD_FLAG_SEND_FLUSH |
    nbd.NBD_FLAG_SEND_FUA |
    nbd.NBD_FLAG_CAN_MULTI_CONN |
    nbd.NBD_FLAG_SEND_CACHE;
  const writing = isReadOnly(offered)
    ? nbd.NBD_FLAG_READ_ONLY
    : nbd.NBD_FLAG_SEND_TRIM | nbd.NBD_FLAG_SEND_WRITE_ZEROES | nbd.NBD_FLAG_SEND_FAST_ZERO;
  const structuring = structured ? nbd.NBD_FLAG_SEND_DF : 0;
  return {
    sizeBytes: offered.volume.sizeBytes,
    transmissionFlags: abilities | writing | structuring,
  };
}

/** For clients that ask. Those that do not may use any alignment. */
export function blockSizesOf({ volume }: NbdExport): BlockSizes {
  return {
    minimumBytes: volume.logicalBlockBytes,
    preferredBytes: Math.max(blockBytes, volume.logicalBlockBytes),
    maximumBytes: volume.ioBytesMax,
  };
}

/** The NBD_REP_INFO payloads for a client that asked for `information` (NBD_INFO_…). */
export function informationReplies(
  offered: NbdExport,
  structured: boolean,
  information: readonly number[],
): Uint8Array[] {
  const replies = [encodeInfoExport(factsOf(offered, structured))];
  if (information.includes(nbd.NBD_INFO_NAME)) {
    replies.push(encodeInfoText(nbd.NBD_INFO_NAME, offered.name));
  }
  if (information.includes(nbd.NBD_INFO_DESCRIPTION) && offered.description !== undefined) {
    replies.push(encodeInfoText(nbd.NBD_INFO_DESCRIPTION, offered.description));
  }
  if (information.includes(nbd.NBD_INFO_BLOCK_SIZE)) {
    replies.push(encodeInfoBlockSize(blockSizesOf(offered)));
  }
  return replies;
}
