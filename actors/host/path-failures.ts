/** What makes ways fail, as this host sees it: a link, an HBA, or somebody's silence. Pure. */
import type { HbaId, LinkId } from '../../protocols/ids.ts';
import type { RouteEntry } from './route-table.ts';

export interface PathFailure {
  /** What failed: a link or an HBA; or who was silent: a switch, a disk or a link. */
  readonly subject: string;
  /** What was seen, for people. */
  readonly seen: string;
  /** Whether it is known which ways are left, by a code that names them or because this host saw it itself. */
  readonly isNamed: boolean;
  /** Only no answer came; that others get none either shows by and by. */
  readonly isSilence: boolean;
  /** The links that are known to have failed by it. */
  readonly links: readonly LinkId[];
}

/** @param otherwise the subject where no link is named */
export function linksFailed(
  links: readonly LinkId[],
  isNamed: boolean,
  otherwise: LinkId | '' = '',
): PathFailure {
  const [subject = otherwise] = links;
  const seen = `nobody listens at the other end of ${links.join(', ')}`;
  return { subject, seen, isNamed, isSilence: false, links };
}

export function fabricLost(hba: HbaId): PathFailure {
  const seen = `${hba} lost its fabric`;
  return { subject: hba, seen, isNamed: true, isSilence: false, links: [] };
}

/**
 * Who is silent, as near as can be told from what else was answered since: the first on the way of whom nothing came, if it
 * answered over no other link either, else the link to it. Where all of them answered others, the end of the way is only
 * slow, or a frame was lost.
 */
export function silenceOf(route: RouteEntry, sentAtMs: number, nowMs: number): PathFailure {
  const { links, ends, switches, target } = route;
  const forMs = `for ${Math.round(nowMs - sentAtMs)} ms`;
  const what = { isNamed: true, isSilence: true, links: [] };
  const place = links.findIndex(({ answeredAtMs }) => answeredAtMs < sentAtMs);
  const link = links[place];
  if (link === undefined) {
    const { id } = target;
    return { ...what, subject: id, seen: `${id} answered others, and one I/O not ${forMs}` };
  }
  const end = [...switches, target].find(({ id }) => id === ends[place]);
  return end === undefined || end.answeredAtMs >= sentAtMs
    ? { ...what, subject: link.link, seen: `no answer over ${link.link} ${forMs}` }
    : { ...what, subject: end.id, seen: `no answer from ${end.id} ${forMs}` };
}
