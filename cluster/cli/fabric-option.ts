/** `--fabric NAME=URL`: where the NATS server of a fabric is. */
import type { FabricId, Topology } from '../../protocols/topology.ts';

/** @throws Error when one is no `NAME=URL`. */
export function fabricUrlsOf(texts: readonly string[]): ReadonlyMap<FabricId, string> {
  return new Map(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)] as const;
      throw new Error(`--fabric ${text}: expected NAME=URL, as in n1=nats://127.0.0.1:4333`);
    }),
  );
}

/**
 * The servers that `sanctor up` is told to use.
 *
 * @throws Error when they do not fit the topology.
 */
export function givenServers(
  { fabrics }: Pick<Topology, 'fabrics'>,
  { nats, fabric = [] }: { readonly nats?: string; readonly fabric?: readonly string[] },
): ReadonlyMap<FabricId, string> {
  const names = fabrics.map(({ id }) => id);
  const [only, ...others] = names;
  if (nats !== undefined && others.length > 0)
    throw new Error(
      `--nats names one server, but the topology has the fabrics ${names.join(', ')}: ` +
        `name the server of each with --fabric ${only}=URL, or leave it out to have one started`,
    );
  const urls = new Map(fabricUrlsOf(fabric));
  for (const name of urls.keys())
    if (!names.includes(name))
      throw new Error(`--fabric ${name}: there is no such fabric; there are ${names.join(', ')}`);
  if (nats !== undefined && only !== undefined) urls.set(only, nats);
  return urls;
}
