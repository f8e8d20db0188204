/** Where a host's NBD server listens, as a topology writes it. */
import { z } from 'zod';

export type Listen =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

const tcpPattern = /^nbd:\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?\/?$/;
const unixPattern = /^unix:(\/.{1,100})$/;
const portMax = 65_535;
/** What IANA gave to NBD. */
export const nbdPortDefault = 10_809;

export const listenHelp =
  'nbd://HOST:PORT (port 0: any free one) or unix:/PATH, as in nbd://127.0.0.1:10809';

/** The address that a text stands for; null when it is none. */
export function parseListen(text: string): Listen | null {
  const [, path] = unixPattern.exec(text) ?? [];
  if (path !== undefined) return { kind: 'unix', path };
  const [, host, port] = tcpPattern.exec(text) ?? [];
  const number = port === undefined ? nbdPortDefault : Number(port);
  if (host === undefined || number > portMax) return null;
  return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port: number };
}

/** An address as a topology writes it. */
export function listenText(listen: Listen): string {
  if (listen.kind === 'unix') return `unix:${listen.path}`;
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return `nbd://${host}:${listen.port}`;
}

const everywhere: readonly string[] = ['0.0.0.0', '::'];

/** True when two servers on one machine could not both listen there. */
export function listensOverlap(a: Listen, b: Listen): boolean {
  if (a.kind === 'unix' || b.kind === 'unix')
    return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  if (a.port !== b.port || a.port === 0) return false;
  return a.host === b.host || everywhere.includes(a.host) || everywhere.includes(b.host);
}

/** Schema of an address: text in, address out. */
export const listenSchema = z
  .string({ error: `expected an address: ${listenHelp}` })
  .default(`nbd://127.0.0.1:${nbdPortDefault}`)
  .transform((text, context): Listen => {
    const listen = parseListen(text);
    if (listen !== null) return listen;
    const message = `${JSON.stringify(text)} is no address to listen on; allowed is ${listenHelp}`;
    context.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });
