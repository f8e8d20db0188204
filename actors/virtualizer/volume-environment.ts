/** What the volumes of a virtualizer share while it decides. */
import type { EndedVolume } from '../../protocols/control-data.ts';
import type { ActorAddress, HostId, LinkId, SwitchId, VolumeId } from '../../protocols/ids.ts';
import type { Layout } from '../../protocols/layout/layout.ts';
import type { PreferredPath } from '../../protocols/path-queries.ts';
import type { Clock, ConfigDatabase, Log } from '../../protocols/ports.ts';
import type { ControlEpoch } from '../../protocols/units.ts';
import type { Actor } from '../actor.ts';
import type { Claim } from './attachments.ts';
import type { Liveness, PresenceTable } from './presence.ts';
import type { SwitchHealth } from './switch-health.ts';
import type { SwitchLoads } from './switch-loads.ts';
import type { VirtualizerInput } from './virtualizer-input.ts';

export interface VolumeEnvironment {
  readonly actor: Actor;
  readonly clock: Clock;
  readonly log: Log;
  readonly database: ConfigDatabase;
  readonly input: VirtualizerInput;
  readonly presence: PresenceTable;
  readonly switchHealth: SwitchHealth;
  readonly switchLoads: SwitchLoads;
  readonly clusterIdentity: string;
  /** Of this term: who decides under another one has its volumes made anew. */
  readonly controlEpoch: ControlEpoch;
  /** The links over which nothing of a host gets through, as it said last. */
  readonly failedLinksOf: (host: HostId) => readonly LinkId[];
  /** The ways that a host prefers, as it said last. */
  readonly preferredOf: (host: HostId) => readonly PreferredPath[];
  /** Whether a host avoids a switch because it is slow, as it said last. */
  readonly isAvoidedBy: (host: HostId, id: SwitchId) => boolean;
  /** Asks an actor how it is; the answer goes to the presence table. */
  readonly askDescription: (address: ActorAddress) => void;
  /** Somebody knows a control epoch above this term's. */
  readonly outranked: (controlEpoch: number) => void;
  /** It has become known whether a volume exists: others may have waited for that. */
  readonly volumeRead: () => void;
  /** The highest extent generation that is known to have been issued, to whatever volume, gone ones too. */
  readonly issuedExtentGeneration: () => number;
  /** A volume is gone: its record is ended, and whoever is there has forgotten it. */
  readonly ended: (ended: EndedVolume) => void;
  /** The layouts of all other volumes; null while one of them is not known yet. */
  readonly layoutsBeside: (volume: VolumeId) => readonly Layout[] | null;
}

/**
 * Whether a process of a host is there, as far as can be told now: another process in its place has followed it. One that
 * is silent is not gone for good as long as a disk that nobody fenced may answer it.
 *
 * @param mayBeAnswered there is such a disk
 */
export function livenessOf(
  environment: VolumeEnvironment,
  claim: Claim,
  mayBeAnswered: boolean,
): Liveness {
  const { presence, clock } = environment;
  const address = { kind: 'host', id: claim.host } as const;
  const present = presence.find(address)?.description.incarnation;
  if (present !== undefined && present !== claim.hostIncarnation) return 'gone';
  const liveness = presence.liveness(address, clock.now());
  const isSilent = liveness === 'gone' && !presence.hasEnded(address, claim.hostIncarnation);
  return isSilent && mayBeAnswered ? 'unknown' : liveness;
}
