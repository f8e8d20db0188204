/** The configuration file of the `nats-server` that Sanctor starts. Loopback only; everything else asks for TLS. */
import { isAtLeast, type NatsServerVersion, versionWithSync } from './server-version.ts';

export interface ServerConfig {
  readonly name: string;
  readonly version: NatsServerVersion;
  /** -1: any free port. */
  readonly port: number;
  readonly folder: string;
  readonly jetstream: boolean;
}

/** The largest message; frames are cut far below it. The server's own default. */
export const payloadBytesMax = 1024 * 1024;
/** Bytes that may wait for one slow receiver before it is cut off; senders' credits stay far below it. */
const pendingBytesMax = 64 * 1024 * 1024;
/** How long a receiver may take nothing at all before it is cut off. A paused process is one. */
const writeDeadlineSeconds = 10;
/** How soon a peer that vanished without a word is noticed: twice this. */
const pingIntervalSeconds = 10;
const jetstreamMemoryBytesMax = 64 * 1024 * 1024;
const jetstreamFileBytesMax = 1024 * 1024 * 1024;
const logBytesMax = 8 * 1024 * 1024;

/** True when a server of this version can be told to sync each write before it acknowledges it. */
export function canSyncEveryWrite(version: NatsServerVersion): boolean {
  return isAtLeast(version, versionWithSync);
}

/** The text of the file. Paths are quoted as JSON, which the server reads alike. */
export function serverConfigText(config: ServerConfig): string {
  const lines = [
    `server_name: ${JSON.stringify(config.name)}`,
    `listen: "127.0.0.1:${config.port}"`,
    'http: "127.0.0.1:-1"',
    `ports_file_dir: ${JSON.stringify(config.folder)}`,
    `pid_file: ${JSON.stringify(`${config.folder}/nats-server.pid`)}`,
    `log_file: ${JSON.stringify(`${config.folder}/nats-server.log`)}`,
    `logfile_size_limit: ${logBytesMax}`,
    `max_payload: ${payloadBytesMax}`,
    `max_pending: ${pendingBytesMax}`,
    `write_deadline: "${writeDeadlineSeconds}s"`,
    `ping_interval: "${pingIntervalSeconds}s"`,
  ];
  if (config.jetstream) {
    lines.push(
      'jetstream {',
      `  store_dir: ${JSON.stringify(config.folder)}`,
      `  max_memory_store: ${jetstreamMemoryBytesMax}`,
      `  max_file_store: ${jetstreamFileBytesMax}`,
      ...(canSyncEveryWrite(config.version) ? ['  sync_interval: always'] : []),
      '}',
    );
  }
  return `${lines.join('\n')}\n`;
}
