/** Bytes written down as people compare them: hexadecimal, spaces anywhere. */

/** @example bytesOf('25609513 0000') */
export function bytesOf(hexadecimal: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hexadecimal.replace(/\s+/g, ''), 'hex'));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The hexadecimal of an ASCII text. */
export function hexOfText(text: string): string {
  return hexOf(new TextEncoder().encode(text));
}
