/** What a simulated medium shows, as an image without the zeros. */
import { SectorImage } from '../../../cluster/simulation/sector-image.ts';
import type { MemoryMedium } from '../../../cluster/simulation/store.ts';
import { blockBytes } from '../../../protocols/units.ts';

export function imageOf(medium: MemoryMedium): SectorImage {
  const image = new SectorImage();
  for (let at = 0; at < medium.sizeBytes; at += blockBytes) {
    const bytes = medium.peek(at, blockBytes);
    if (bytes.some((byte) => byte !== 0)) image.write(at, [bytes], null);
  }
  return image;
}
