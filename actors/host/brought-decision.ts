/**
 * Control data in band (DESIGN V2): what the refusal of an older generation brings, joined with the ways that this host
 * knows. Pure. The switch that refuses knows what was decided, and not whether all mirrors are equal yet: so what is open
 * goes on only where nothing has changed that it was sent under, and waits otherwise to be told that the volume serves.
 */
import { broughtDecisionSchema, type ControlData } from '../../protocols/control-data.ts';
import type { HostId } from '../../protocols/ids.ts';
import type { Incarnation } from '../../protocols/units.ts';
import { decodeJson } from '../json.ts';
import { epochsDiffer, type VolumeView, viewOf } from './volume-view.ts';

/** Who takes it. */
export interface Receiver {
  readonly host: HostId;
  readonly actor: { readonly incarnation: Incarnation };
}

/** @returns null for what is no decision, or none that is newer than `view` */
export function broughtControlData(
  view: VolumeView,
  bytes: Uint8Array,
  { host, actor }: Receiver,
): ControlData | null {
  const { data } = view;
  const decision = broughtDecisionSchema.safeParse(decodeJson(bytes)).data;
  if (decision === undefined || decision.volume !== data.volume) return null;
  if (decision.generation <= data.generation || decision.controlEpoch < data.controlEpoch)
    return null;
  const brought: ControlData = { ...data, ...decision, state: 'serving', reason: '' };
  const result = viewOf(brought, host, actor.incarnation);
  if (!result.ok) return null;
  const goesOn = data.state === 'serving' && !epochsDiffer(view, result.view);
  if (goesOn) return brought;
  return { ...brought, state: 'assembling', reason: 'a switch has a newer decision about it' };
}
