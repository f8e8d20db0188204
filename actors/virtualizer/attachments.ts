/**
 * Which hosts may use a volume: whether a request to be attached may be noted, and whom the next decision attaches
 * (DESIGN I14, V3). Pure. A host that is gone keeps its attachment until another one needs its place: nothing is
 * gained by taking it away, and it may come back.
 */
import { type Answer, type AttachRequest, refusal } from '../../protocols/commands.ts';
import type { AttachmentRecord, VolumeRecord } from '../../protocols/control-data.ts';
import type { HostId } from '../../protocols/ids.ts';
import type { Volume } from '../../protocols/topology.ts';
import type { Liveness } from './presence.ts';

/** An attachment that the next decision makes. */
export interface WantedAttachment extends Omit<AttachmentRecord, 'attachEpoch' | 'firstEpoch'> {
  /** The epochs of the attachment that goes on; null for one that begins. */
  readonly held: Pick<AttachmentRecord, 'attachEpoch' | 'firstEpoch'> | null;
  /** The host's process is not there any more, or says nothing: what it has open cannot be learned. */
  readonly isGone: boolean;
  /** What the epochs of one that begins must exceed. */
  readonly lostEpoch: number;
}

/** A process of a host that holds the volume, or asks for it. */
export type Claim = Pick<AttachmentRecord, 'host' | 'hostIncarnation' | 'mode'>;

export type Judgement =
  | { readonly outcome: 'noted' }
  /** The last decision contains what is asked for. */
  | { readonly outcome: 'attached' }
  | { readonly outcome: 'refused' | 'not-ready'; readonly message: string };

export interface AttachmentState {
  readonly record: VolumeRecord | null;
  /** Noted since the last decision, at most one per host; those that still stand. */
  readonly requests: readonly AttachRequest[];
  /** Hosts that have drained and want to be detached. */
  readonly leaving: readonly HostId[];
  /** Hosts that a coordinator asked for their unfinished writes in vain. */
  readonly silent: readonly HostId[];
  /** Whether the process of a host that holds or claims the volume is there. */
  readonly livenessOf: (claim: Claim) => Liveness;
  /** Whether the topology lets the host use the volume. */
  readonly mayUse: (host: HostId) => boolean;
}

/** Judges a request of a host that may use the volume. */
export function judgeAttach(request: AttachRequest, state: AttachmentState): Judgement {
  const { volume } = request;
  for (const other of claims(state)) {
    if (other.host === request.host || !excludes(request, other)) continue;
    const liveness = state.livenessOf(other);
    if (liveness === 'gone') continue;
    if (liveness === 'unknown')
      return {
        outcome: 'not-ready',
        message: `volume ${volume} is attached by host ${other.host}; whether it lives is not known yet`,
      };
    const how = other.mode === 'exclusive' ? 'exclusively by' : 'by';
    const message =
      `volume ${volume} is attached ${how} host ${other.host}; ` +
      `detach it there first, or attach it shared everywhere`;
    return { outcome: 'refused', message };
  }
  const attached = state.record?.attachments.find(({ host }) => host === request.host);
  const isAttached =
    attached !== undefined && fulfils(attached, request) && !state.leaving.includes(request.host);
  return { outcome: isAttached ? 'attached' : 'noted' };
}

/** False for a noted request against which something speaks by now: who was gone then may be there again. */
export function stands(request: AttachRequest, state: AttachmentState): boolean {
  const requests = state.requests.filter((other) => other !== request);
  const { outcome } = judgeAttach(request, { ...state, requests });
  return outcome === 'noted' || outcome === 'attached';
}

/** Whom the next decision attaches, by host. Requests that stand win over what was decided before. */
export function wantedAttachments(state: AttachmentState): readonly WantedAttachment[] {
  const { record, requests, leaving, silent, livenessOf, mayUse } = state;
  const attachments = record?.attachments ?? [];
  const asked = requests.map((request): WantedAttachment => {
    const { host, hostIncarnation, mode, readOnly, lostEpoch } = request;
    const attached = attachments.find((each) => each.host === host);
    const held = attached !== undefined && fulfils(attached, request) ? attached : null;
    const isGone = false;
    return { host, hostIncarnation, mode, readOnly, held, isGone, lostEpoch: lostEpoch ?? 0 };
  });
  const kept = attachments.filter(
    (held) =>
      mayUse(held.host) &&
      !leaving.includes(held.host) &&
      !requests.some((request) => excludes(request, held)),
  );
  const goingOn = kept.map((held): WantedAttachment => {
    const { host, hostIncarnation, mode, readOnly } = held;
    const isGone = silent.includes(host) || livenessOf(held) === 'gone';
    return { host, hostIncarnation, mode, readOnly, held, isGone, lostEpoch: 0 };
  });
  return [...asked, ...goingOn].sort((a, b) => (a.host < b.host ? -1 : 1));
}

/** True when a host is gone that may have written: nobody can be asked what it has not seen the end of. */
export function leavesWritesBehind(wanted: readonly WantedAttachment[]): boolean {
  return wanted.some(({ isGone, readOnly }) => isGone && !readOnly);
}

/** True when the next decision would attach others than the last one did. */
export function differsFromRecord(state: AttachmentState): boolean {
  const wanted = wantedAttachments(state);
  const attached = state.record?.attachments ?? [];
  return wanted.length !== attached.length || wanted.some(({ held }) => held === null);
}

/** True when an attachment is what a request asks for. */
export function fulfils(attached: AttachmentRecord, request: AttachRequest): boolean {
  return (
    attached.hostIncarnation === request.hostIncarnation &&
    attached.mode === request.mode &&
    attached.readOnly === request.readOnly &&
    attached.firstEpoch > (request.lostEpoch ?? 0)
  );
}

/** Who holds or has asked for the volume. */
function claims({ record, requests, leaving }: AttachmentState): readonly Claim[] {
  const held = (record?.attachments ?? []).filter(
    ({ host }) => !leaving.includes(host) && !requests.some((request) => request.host === host),
  );
  return [...held, ...requests];
}

/** True when a request leaves no place for another claim: the same host's former one, or one that will not share. */
export function excludes(request: Claim, other: Claim): boolean {
  return request.host === other.host || request.mode === 'exclusive' || other.mode === 'exclusive';
}

/** Says no to a host that a volume is not for. */
export function refuseHost({ id, hosts }: Volume, host: HostId): Answer {
  const allowed = hosts.length === 0 ? 'none' : hosts.join(', ');
  return refusal(
    'refused',
    `host ${host} may not use volume ${id}; the topology allows ${allowed}`,
  );
}
