/**
 * What an NBD server offers: volumes under export names. The server only asks; who attaches volumes and when is
 * decided elsewhere, and may change while clients are connected.
 */
import type { AttachedVolume } from '../../protocols/attached-volume.ts';

export interface NbdExport {
  readonly name: string;
  readonly volume: AttachedVolume;
  /** Refuses writes even if the volume takes them. */
  readonly readOnly?: boolean;
  /** A line for people: shown by clients that list exports. */
  readonly description?: string;
  /**
   * True when the volume zeroes whole 4 KiB blocks in less time than it would write them. Then NBD_CMD_FLAG_FAST_ZERO
   * is granted for those; else it is refused, so that no client zeroes a volume twice.
   */
  readonly zeroesFast?: boolean;
}

/** Asked at each option of a client: an answer holds for the connection that it was given to. */
export interface ExportCatalogue {
  /** All exports; the first one is the default. */
  list(): readonly NbdExport[];
}

/** The export that a client means: by name, or the default one (the first) when the name is empty. */
export function findExport(catalogue: ExportCatalogue, name: string): NbdExport | undefined {
  const exports = catalogue.list();
  return exports.find((offered) => offered.name === name) ?? (name === '' ? exports[0] : undefined);
}

/** A catalogue over a map that its owner may change at any time. */
export function catalogueOf(volumes: ReadonlyMap<string, AttachedVolume>): ExportCatalogue {
  return {
    list: () => Array.from(volumes, ([name, volume]) => ({ name, volume })),
  };
}
