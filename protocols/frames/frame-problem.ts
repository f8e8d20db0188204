/** Why bytes are no frame, for people: `decodeFrame` only says that they are none, because it has no time to say why. */
import { checksumOf } from '../checksums.ts';
import { decodeFrame, FrameKind, prefixBytes, wireVersion } from './frame.ts';
import { HeaderReader } from './header-reader.ts';
import { headerBytesMax } from './header-writer.ts';
import { isValidReply, readReply, replyFields } from './reply.ts';
import { isValidRequest, readRequest, requestFields } from './request.ts';

const reader = new HeaderReader();

/** What is wrong first; '' when the bytes are a frame. */
export function frameProblem(bytes: Uint8Array): string {
  if (decodeFrame(bytes) !== null) return '';
  if (bytes.length < prefixBytes)
    return `${bytes.length} bytes are too few, a frame has at least ${prefixBytes}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getUint16(0, true);
  if (headerBytes > headerBytesMax)
    return `its header would be ${headerBytes} bytes long, the most are ${headerBytesMax}`;
  const headerEnd = prefixBytes + headerBytes;
  if (headerEnd > bytes.length)
    return `its header is cut: ${bytes.length - prefixBytes} of ${headerBytes} bytes are there`;
  if (checksumOf(bytes.subarray(prefixBytes, headerEnd)) !== view.getUint32(2, true))
    return 'its header does not match its checksum';
  return headerProblem(bytes, headerEnd);
}

function headerProblem(bytes: Uint8Array, headerEnd: number): string {
  reader.begin(bytes, prefixBytes, headerEnd);
  const length = reader.listLength();
  const version = reader.count();
  const kind = reader.count();
  if (version !== wireVersion)
    return `its header is of wire version ${version}, or of something else; known is ${wireVersion}`;
  switch (kind) {
    case FrameKind.request: {
      if (length !== requestFields.length + 2) return fieldsProblem('request', length - 2);
      const request = readRequest(reader);
      if (!reader.finish() || !isValidRequest(request)) return valueProblem('request');
      return dataProblem('request', bytes.length - headerEnd);
    }
    case FrameKind.reply: {
      if (length !== replyFields.length + 2) return fieldsProblem('reply', length - 2);
      const reply = readReply(reader);
      if (!reader.finish() || !isValidReply(reply)) return valueProblem('reply');
      return dataProblem('reply', bytes.length - headerEnd);
    }
    default:
      return `its kind ${kind} is neither request nor reply`;
  }
}

function fieldsProblem(kind: string, fields: number): string {
  return `its header has ${fields} fields, which is not the number of a ${kind}`;
}

function valueProblem(kind: string): string {
  return `a field of its ${kind} header has a value that it cannot have`;
}

function dataProblem(kind: string, behindBytes: number): string {
  return `the ${behindBytes} bytes behind its header are not the checksums and data of this ${kind}`;
}
