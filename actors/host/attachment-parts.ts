/** What an attachment is made of: what is wanted, and what it works with. */
import type { AttachMode } from '../../protocols/control-data.ts';
import type { HostId, VirtualizerId, VolumeId } from '../../protocols/ids.ts';
import type { Actor, ActorPorts } from '../actor.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { RouteParts } from './route-table.ts';

/** What is to be attached. */
export interface AttachmentOptions {
  readonly volume: VolumeId;
  /** Of a created volume: its consumers must not meet a namesake that came after it. */
  readonly life?: number;
  readonly mode: AttachMode;
  readonly readOnly: boolean;
}

export interface AttachmentParts {
  readonly host: HostId;
  readonly virtualizers: readonly VirtualizerId[];
  readonly actor: Actor;
  readonly ports: ActorPorts;
  readonly dispatcher: Dispatcher;
  readonly routeParts: RouteParts;
  /** The highest attach epoch that this process had the volume under before; 0: it never had it. */
  readonly formerEpoch: number;
}
