/**
 * Names of things. One grammar for all of them, so that an id is valid as a NATS subject token, as a key of the
 * config database and as a file name. Ids are checked here, before they reach a subject.
 */
declare const kind: unique symbol;
type Id<Name extends string> = string & { readonly [kind]: Name };

export type ClusterId = Id<'cluster'>;
export type VolumeId = Id<'volume'>;
export type HostId = Id<'host'>;
export type HbaId = Id<'hba'>;
export type SwitchId = Id<'switch'>;
export type DiskId = Id<'disk'>;
export type VirtualizerId = Id<'virtualizer'>;
export type LinkId = Id<'link'>;
export type NodeId = Id<'node'>;
export type ExtentId = Id<'extent'>;
export type MirrorSetId = Id<'mirror-set'>;

/** The kinds of actors that have addresses of their own. */
export const actorKinds = ['host', 'hba', 'switch', 'disk', 'virtualizer', 'node'] as const;
export type ActorKind = (typeof actorKinds)[number];

/** Where an actor is addressed: what stands in its subjects. */
export interface ActorAddress {
  readonly kind: ActorKind;
  readonly id: string;
}

/** The address of a machine's supervisor: no node of a topology may have its id. */
export const supervisorAddress: ActorAddress = { kind: 'node', id: 'supervisor' };

export const idLengthMax = 64;
export const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** True when `text` may stand as one token of a subject, a key or a file name. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && idPattern.test(text);
}

/**
 * Gives a name its kind after checking its grammar.
 *
 * @throws RangeError when the text is not an id: at this point that is a programmer's error, for what users
 * write is validated where it is read (topology, command line).
 */
export function idOf<Kind extends string>(text: string): Kind {
  if (!isId(text))
    throw new RangeError(`not an id: ${JSON.stringify(text)}; allowed is [A-Za-z0-9_-], 1 to 64`);
  return text as Kind;
}
