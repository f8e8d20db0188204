/** Versions of `nats-server`: which ones Sanctor accepts, and what the older ones lack. */
import { runCommand } from '../run-command.ts';

export interface NatsServerVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** As the server prints it, without the leading `v`. */
  readonly text: string;
}

/** Older ones are refused. */
export const versionMin = versionOf(2, 9, 0);
/** From here on replicated compare-and-set is sound. Older ones are accepted with a warning. */
export const versionAdvised = versionOf(2, 10, 27);
/** From here on JetStream can be told to sync every write. */
export const versionWithSync = versionOf(2, 10, 0);

function versionOf(major: number, minor: number, patch: number): NatsServerVersion {
  return { major, minor, patch, text: `${major}.${minor}.${patch}` };
}

/** Reads `nats-server: v2.10.27`, `v2.10.27` or `2.11.0-RC.1`; null when there is no version in the text. */
export function parseNatsServerVersion(text: string): NatsServerVersion | null {
  const match = /\bv?(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?/.exec(text);
  if (match === null) return null;
  const [, major, minor, patch, suffix] = match;
  const version = versionOf(Number(major), Number(minor), Number(patch));
  return { ...version, text: version.text + (suffix ?? '') };
}

/** True when `version` is `least` or newer. */
export function isAtLeast(version: NatsServerVersion, least: NatsServerVersion): boolean {
  if (version.major !== least.major) return version.major > least.major;
  if (version.minor !== least.minor) return version.minor > least.minor;
  return version.patch >= least.patch;
}

/** Why a version should be replaced by a newer one; empty when it is new enough. */
export function versionWarnings(version: NatsServerVersion): readonly string[] {
  if (isAtLeast(version, versionAdvised)) return [];
  const warnings = [
    'good for one server only: in a NATS cluster its compare-and-set can have several winners, or its replicas can part',
  ];
  if (!isAtLeast(version, versionWithSync)) {
    warnings.push(
      'cannot sync every write of the config database: after a power cut every mirror must return before a volume is assembled',
      'stalls a publisher for up to a second when one receiver is slow',
    );
  }
  return warnings;
}

const versionTimeoutMs = 10_000;

/** Asks the program for its version; a text says why that failed. */
export async function readNatsServerVersion(path: string): Promise<NatsServerVersion | string> {
  const result = await runCommand(path, ['--version'], { timeoutMs: versionTimeoutMs });
  const version = parseNatsServerVersion(result.output);
  if (result.exitCode === 0 && version !== null) return version;
  const said = (result.errors || result.output).trim().split('\n')[0] ?? '';
  return `${path} --version did not print a version${said === '' ? '' : `: ${said}`}`;
}
