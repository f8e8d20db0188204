/**
 * Which clusters run on this machine for this user: one small file per cluster, written by `sanctor up`, so that
 * `status`, `watch` and `down` find it without being told where. Holds no secrets and decides nothing.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const entrySchema = z.object({
  cluster: z.string(),
  /** Process id of the supervisor. */
  pid: z.int().positive(),
  natsUrl: z.string(),
  topologyFile: z.string(),
  dataFolder: z.string(),
  startedAtMs: z.number(),
});
export type RegisteredCluster = z.infer<typeof entrySchema>;

/** Where the files are: `SANCTOR_RUN_DIR`, else the user's runtime folder, else a folder for temporary files. */
export function registryFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.SANCTOR_RUN_DIR) return environment.SANCTOR_RUN_DIR;
  if (environment.XDG_RUNTIME_DIR) return join(environment.XDG_RUNTIME_DIR, 'sanctor');
  return join(tmpdir(), `sanctor-${userInfo().uid}`);
}

/** Writes a cluster's entry; whole or not at all. */
export function registerCluster(entry: RegisteredCluster): void {
  const folder = registryFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${entry.cluster}.json`);
  writeFileSync(`${file}.${entry.pid}`, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
  renameSync(`${file}.${entry.pid}`, file);
}

/** Removes a cluster's entry, if it is the given supervisor's. */
export function unregisterCluster(cluster: string, pid: number): void {
  const file = join(registryFolder(), `${cluster}.json`);
  if (readEntry(file)?.pid === pid) rmSync(file, { force: true });
}

/** The clusters whose supervisor is alive, by name. */
export function runningClusters(): readonly RegisteredCluster[] {
  const folder = registryFolder();
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => readEntry(join(folder, name)))
    .filter((entry): entry is RegisteredCluster => entry !== null && isAlive(entry.pid));
}

/** No cluster, or more than one, fits what was asked for; the message says what to do. */
export class ClusterNotFound extends Error {}

/**
 * The running cluster of that name; the only one when no name is given.
 *
 * @throws ClusterNotFound when there is no such one.
 */
export function findRunningCluster(name: string | undefined): RegisteredCluster {
  const running = runningClusters();
  const fitting = name === undefined ? running : running.filter((entry) => entry.cluster === name);
  const [first, second] = fitting;
  if (first !== undefined && second === undefined) return first;
  const names = running.map((entry) => entry.cluster).join(', ');
  if (first === undefined) {
    throw new ClusterNotFound(
      name === undefined
        ? 'no cluster runs here for this user; start one with: sanctor up'
        : `cluster ${name} does not run here for this user; running: ${names || 'none'}. Start it with: sanctor up`,
    );
  }
  throw new ClusterNotFound(`several clusters run here (${names}): choose one with --cluster NAME`);
}

function readEntry(file: string): RegisteredCluster | null {
  try {
    return entrySchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}

/** True when a process of that id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
