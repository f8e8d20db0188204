/** Files full of chance, to be carried in and out of volumes. */
import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

const pieceBytes = 1024 * 1024;

/** Writes random bytes; no two runs write the same. */
export async function writeRandomImage(path: string, lengthBytes: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    const piece = Buffer.alloc(pieceBytes);
    for (let at = 0; at < lengthBytes; at += pieceBytes) {
      const length = Math.min(pieceBytes, lengthBytes - at);
      await file.write(randomFillSync(piece), 0, length);
    }
  } finally {
    await file.close();
  }
}

/** What identifies the first bytes of a file: two that give the same hold the same. */
export async function digestOf(path: string, lengthBytes: number): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { end: lengthBytes - 1 }), hash);
  return hash.digest('hex');
}
