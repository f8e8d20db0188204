/**
 * What stands inside options and their replies: export names, information requests, metadata queries. Reading never
 * throws: null means that the data does not keep to the standard, and the option gets NBD_REP_ERR_INVALID.
 */
import {
  readUint16,
  readUint32,
  readUint64,
  writeUint16,
  writeUint32,
  writeUint64,
} from './big-endian.ts';
import {
  NBD_INFO_BLOCK_SIZE,
  NBD_INFO_DESCRIPTION,
  NBD_INFO_EXPORT,
  NBD_INFO_NAME,
  NBD_STRING_BYTES_MAX,
} from './constants.ts';
import type { ExportFacts } from './handshake.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** A string of the protocol: UTF-8 without NUL, at most 4096 bytes; null when `bytes` is none. */
export function decodeString(bytes: Uint8Array): string | null {
  if (bytes.length > NBD_STRING_BYTES_MAX || bytes.includes(0)) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

export function encodeString(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The data of NBD_OPT_INFO and NBD_OPT_GO. */
export interface InfoRequest {
  readonly exportName: string;
  /** NBD_INFO_… that the client asks for; may hold some that nobody knows. */
  readonly information: readonly number[];
}

export function decodeInfoRequest(data: Uint8Array): InfoRequest | null {
  if (data.length < 6) return null;
  const nameBytes = readUint32(data, 0);
  if (nameBytes > data.length - 6) return null;
  const exportName = decodeString(data.subarray(4, 4 + nameBytes));
  if (exportName === null) return null;
  const count = readUint16(data, 4 + nameBytes);
  const listAt = 6 + nameBytes;
  if (data.length !== listAt + 2 * count) return null;
  const information: number[] = [];
  for (let at = listAt; at < data.length; at += 2) information.push(readUint16(data, at));
  return { exportName, information };
}

export function encodeInfoRequest(request: InfoRequest): Uint8Array {
  const name = encodeString(request.exportName);
  const data = new Uint8Array(6 + name.length + 2 * request.information.length);
  writeUint32(data, 0, name.length);
  data.set(name, 4);
  writeUint16(data, 4 + name.length, request.information.length);
  request.information.forEach((type, index) => {
    writeUint16(data, 6 + name.length + 2 * index, type);
  });
  return data;
}

/** The data of NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT. */
export interface MetaContextRequest {
  readonly exportName: string;
  readonly queries: readonly string[];
}

export function decodeMetaContextRequest(data: Uint8Array): MetaContextRequest | null {
  if (data.length < 8) return null;
  const nameBytes = readUint32(data, 0);
  if (nameBytes > data.length - 8) return null;
  const exportName = decodeString(data.subarray(4, 4 + nameBytes));
  if (exportName === null) return null;
  const count = readUint32(data, 4 + nameBytes);
  const queries: string[] = [];
  let at = 8 + nameBytes;
  for (let index = 0; index < count; index++) {
    if (at + 4 > data.length) return null;
    const queryBytes = readUint32(data, at);
    if (queryBytes > data.length - at - 4) return null;
    const query = decodeString(data.subarray(at + 4, at + 4 + queryBytes));
    if (query === null) return null;
    queries.push(query);
    at += 4 + queryBytes;
  }
  return at === data.length ? { exportName, queries } : null;
}

export function encodeMetaContextRequest(request: MetaContextRequest): Uint8Array {
  const texts = [request.exportName, ...request.queries].map(encodeString);
  const lengthBytes = texts.reduce((sum, text) => sum + 4 + text.length, 4);
  const data = new Uint8Array(lengthBytes);
  let at = 0;
  texts.forEach((text, index) => {
    writeUint32(data, at, text.length);
    data.set(text, at + 4);
    at += 4 + text.length;
    if (index > 0) return;
    writeUint32(data, at, request.queries.length);
    at += 4;
  });
  return data;
}

/** NBD_REP_SERVER: an export's name, and a description for people. */
export function encodeServerReply(name: string, description: string): Uint8Array {
  const nameBytes = encodeString(name);
  const descriptionBytes = encodeString(description);
  const data = new Uint8Array(4 + nameBytes.length + descriptionBytes.length);
  writeUint32(data, 0, nameBytes.length);
  data.set(nameBytes, 4);
  data.set(descriptionBytes, 4 + nameBytes.length);
  return data;
}

/** NBD_REP_META_CONTEXT. */
export function encodeMetaContextReply(contextId: number, name: string): Uint8Array {
  const nameBytes = encodeString(name);
  const data = new Uint8Array(4 + nameBytes.length);
  writeUint32(data, 0, contextId);
  data.set(nameBytes, 4);
  return data;
}

/** NBD_REP_INFO with NBD_INFO_EXPORT. */
export function encodeInfoExport(facts: ExportFacts): Uint8Array {
  const data = new Uint8Array(12);
  writeUint16(data, 0, NBD_INFO_EXPORT);
  writeUint64(data, 2, facts.sizeBytes);
  writeUint16(data, 10, facts.transmissionFlags);
  return data;
}

/** NBD_REP_INFO with NBD_INFO_NAME or NBD_INFO_DESCRIPTION. */
export function encodeInfoText(
  type: typeof NBD_INFO_NAME | typeof NBD_INFO_DESCRIPTION,
  text: string,
): Uint8Array {
  const textBytes = encodeString(text);
  const data = new Uint8Array(2 + textBytes.length);
  writeUint16(data, 0, type);
  data.set(textBytes, 2);
  return data;
}

/** What an export asks of its clients' requests, in bytes. */
export interface BlockSizes {
  readonly minimumBytes: number;
  readonly preferredBytes: number;
  readonly maximumBytes: number;
}

/** NBD_REP_INFO with NBD_INFO_BLOCK_SIZE. */
export function encodeInfoBlockSize(sizes: BlockSizes): Uint8Array {
  const data = new Uint8Array(14);
  writeUint16(data, 0, NBD_INFO_BLOCK_SIZE);
  writeUint32(data, 2, sizes.minimumBytes);
  writeUint32(data, 6, sizes.preferredBytes);
  writeUint32(data, 10, sizes.maximumBytes);
  return data;
}

/** Everything that NBD_REP_INFO replies to one option said. */
export interface ExportInformation {
  facts?: ExportFacts;
  name?: string;
  description?: string;
  blockSizes?: BlockSizes;
}

/** Adds what one NBD_REP_INFO says to `information`; false when it does not keep to the standard. */
export function decodeInfo(data: Uint8Array, information: ExportInformation): boolean {
  if (data.length < 2) return false;
  const type = readUint16(data, 0);
  if (type === NBD_INFO_EXPORT) {
    if (data.length !== 12) return false;
    information.facts = {
      sizeBytes: readUint64(data, 2),
      transmissionFlags: readUint16(data, 10),
    };
    return true;
  }
  if (type === NBD_INFO_BLOCK_SIZE) {
    if (data.length !== 14) return false;
    information.blockSizes = {
      minimumBytes: readUint32(data, 2),
      preferredBytes: readUint32(data, 6),
      maximumBytes: readUint32(data, 10),
    };
    return true;
  }
  const text = decodeString(data.subarray(2));
  if (text === null) return false;
  if (type === NBD_INFO_NAME) information.name = text;
  if (type === NBD_INFO_DESCRIPTION) information.description = text;
  return true;
}
