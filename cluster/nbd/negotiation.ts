/**
 * The handshake of one connection, from the client's flags to the choice of an export: bytes in, replies out, and a
 * result. Leaves the greeting and everything after the choice to the session.
 */
import * as nbd from '../../protocols/nbd/constants.ts';
import {
  type ClientFlags,
  clientFlagsBytes,
  decodeClientFlags,
  decodeOptionHeader,
  encodeExportNameReply,
  encodeOptionReply,
  type OptionHeader,
  optionHeaderBytes,
} from '../../protocols/nbd/handshake.ts';
import {
  decodeInfoRequest,
  decodeMetaContextRequest,
  decodeString,
  encodeMetaContextReply,
  encodeServerReply,
  encodeString,
} from '../../protocols/nbd/options.ts';
import { factsOf, informationReplies } from './export-facts.ts';
import { type ExportCatalogue, findExport, type NbdExport } from './exports.ts';
import type { SessionLimits } from './limits.ts';
import type { ReceivedBytes } from './received-bytes.ts';
import type { ReplyOutput } from './reply-output.ts';

/** What the client chose. */
export interface Choice {
  readonly kind: 'transmission';
  readonly chosen: NbdExport;
  readonly structured: boolean;
  /** True when the client asked for the block sizes, and so promised to keep to them. */
  readonly blockSizes: boolean;
  /** True when it selected base:allocation for this export. */
  readonly allocation: boolean;
}

/** How a handshake ends. `reason` is null when the client wanted to leave. */
export type NegotiationEnd = Choice | { readonly kind: 'over'; readonly reason: string | null };

export const allocationContextId = 1;
const contextName = nbd.NBD_META_CONTEXT_BASE_ALLOCATION;
const noData = new Uint8Array(0);

export class Negotiation {
  readonly #catalogue: ExportCatalogue;
  readonly #limits: SessionLimits;
  readonly #input: ReceivedBytes;
  readonly #output: ReplyOutput;
  #clientFlags: ClientFlags | null = null;
  #options = 0;
  #structured = false;
  /** The export for which base:allocation was selected last. */
  #allocationOf: NbdExport['name'] | null = null;

  constructor(parts: {
    catalogue: ExportCatalogue;
    limits: SessionLimits;
    input: ReceivedBytes;
    output: ReplyOutput;
  }) {
    this.#catalogue = parts.catalogue;
    this.#limits = parts.limits;
    this.#input = parts.input;
    this.#output = parts.output;
  }

  /** Reads what is there; null while the handshake goes on. */
  pump(): NegotiationEnd | null {
    if (this.#clientFlags === null) {
      if (!this.#input.contiguous(clientFlagsBytes)) return null;
      this.#clientFlags = decodeClientFlags(this.#input.bytes, this.#input.at);
      if (this.#clientFlags === null) return over('client flags that nobody knows');
      this.#input.skip(clientFlagsBytes);
    }
    while (this.#input.contiguous(optionHeaderBytes)) {
      const header = decodeOptionHeader(this.#input.bytes, this.#input.at);
      if (header === null) return over('an option without its magic');
      if (header.lengthBytes > this.#limits.optionBytesMax) {
        return over(`option ${header.option} with ${header.lengthBytes} bytes of data`);
      }
      if (!this.#input.contiguous(optionHeaderBytes + header.lengthBytes)) return null;
      if (++this.#options > this.#limits.optionsMax) return over('too many options');
      const dataAt = this.#input.at + optionHeaderBytes;
      const data = this.#input.bytes.subarray(dataAt, dataAt + header.lengthBytes);
      this.#input.skip(optionHeaderBytes + header.lengthBytes);
      const end = this.#answer(header, data);
      if (end !== null) return end;
    }
    return null;
  }

  #answer({ option }: OptionHeader, data: Uint8Array): NegotiationEnd | null {
    switch (option) {
      case nbd.NBD_OPT_EXPORT_NAME:
        return this.#exportName(data);
      case nbd.NBD_OPT_ABORT:
        this.#reply(option, nbd.NBD_REP_ACK);
        return { kind: 'over', reason: null };
      case nbd.NBD_OPT_LIST:
        this.#list(data);
        return null;
      case nbd.NBD_OPT_INFO:
      case nbd.NBD_OPT_GO:
        return this.#infoOrGo(option, data);
      case nbd.NBD_OPT_STRUCTURED_REPLY:
        if (data.length > 0)
          return this.#refuse(option, nbd.NBD_REP_ERR_INVALID, 'unexpected data');
        this.#structured = true;
        this.#reply(option, nbd.NBD_REP_ACK);
        return null;
      case nbd.NBD_OPT_LIST_META_CONTEXT:
      case nbd.NBD_OPT_SET_META_CONTEXT:
        return this.#metaContext(option, data);
      case nbd.NBD_OPT_STARTTLS:
        if (data.length > 0)
          return this.#refuse(option, nbd.NBD_REP_ERR_INVALID, 'unexpected data');
        return this.#refuse(option, nbd.NBD_REP_ERR_UNSUP, 'this server has no TLS');
      default:
        return this.#refuse(option, nbd.NBD_REP_ERR_UNSUP, `option ${option} is not known here`);
    }
  }

  #exportName(data: Uint8Array): NegotiationEnd {
    const name = decodeString(data);
    const chosen = name === null ? undefined : findExport(this.#catalogue, name);
    if (chosen === undefined) return over(`no export ${JSON.stringify(name)}`);
    const noZeroes = this.#clientFlags?.noZeroes === true;
    this.#output.append(encodeExportNameReply(factsOf(chosen, this.#structured), noZeroes));
    return this.#choice(chosen, false);
  }

  #list(data: Uint8Array): void {
    if (data.length > 0) {
      this.#refuse(nbd.NBD_OPT_LIST, nbd.NBD_REP_ERR_INVALID, 'unexpected data');
      return;
    }
    for (const { name, description } of this.#catalogue.list()) {
      const server = encodeServerReply(name, description ?? '');
      this.#reply(nbd.NBD_OPT_LIST, nbd.NBD_REP_SERVER, server);
    }
    this.#reply(nbd.NBD_OPT_LIST, nbd.NBD_REP_ACK);
  }

  #infoOrGo(option: number, data: Uint8Array): NegotiationEnd | null {
    const request = decodeInfoRequest(data);
    if (request === null) return this.#refuse(option, nbd.NBD_REP_ERR_INVALID, 'malformed data');
    const chosen = findExport(this.#catalogue, request.exportName);
    if (chosen === undefined) return this.#unknownExport(option, request.exportName);
    for (const information of informationReplies(chosen, this.#structured, request.information)) {
      this.#reply(option, nbd.NBD_REP_INFO, information);
    }
    this.#reply(option, nbd.NBD_REP_ACK);
    if (option === nbd.NBD_OPT_INFO) return null;
    return this.#choice(chosen, request.information.includes(nbd.NBD_INFO_BLOCK_SIZE));
  }

  #metaContext(option: number, data: Uint8Array): NegotiationEnd | null {
    const selecting = option === nbd.NBD_OPT_SET_META_CONTEXT;
    if (selecting) this.#allocationOf = null;
    if (!this.#structured) {
      return this.#refuse(option, nbd.NBD_REP_ERR_INVALID, 'structured replies come first');
    }
    const request = decodeMetaContextRequest(data);
    if (request === null) return this.#refuse(option, nbd.NBD_REP_ERR_INVALID, 'malformed data');
    const chosen = findExport(this.#catalogue, request.exportName);
    if (chosen === undefined) return this.#unknownExport(option, request.exportName);
    const matches = selecting
      ? request.queries.includes(contextName)
      : request.queries.length === 0 ||
        request.queries.some((query) => query === 'base:' || query === contextName);
    if (matches) {
      const context = encodeMetaContextReply(selecting ? allocationContextId : 0, contextName);
      this.#reply(option, nbd.NBD_REP_META_CONTEXT, context);
      if (selecting) this.#allocationOf = chosen.name;
    }
    this.#reply(option, nbd.NBD_REP_ACK);
    return null;
  }

  #choice(chosen: NbdExport, blockSizes: boolean): Choice {
    const allocation = this.#structured && this.#allocationOf === chosen.name;
    return { kind: 'transmission', chosen, structured: this.#structured, blockSizes, allocation };
  }

  #unknownExport(option: number, name: string): null {
    const names = this.#catalogue.list().map((offered) => JSON.stringify(offered.name));
    const offered = names.length === 0 ? 'there is none' : `there is ${names.join(', ')}`;
    const message = `no export ${JSON.stringify(name)}; ${offered}`;
    const limited = message.length > 1024 ? `${message.slice(0, 1024)}…` : message;
    return this.#refuse(option, nbd.NBD_REP_ERR_UNKNOWN, limited);
  }

  #refuse(option: number, type: number, message: string): null {
    this.#reply(option, type, encodeString(message));
    return null;
  }

  #reply(option: number, type: number, data: Uint8Array = noData): void {
    this.#output.append(encodeOptionReply({ option, type, data }));
  }
}

function over(reason: string): NegotiationEnd {
  return { kind: 'over', reason };
}
