/**
 * A volume as a disk of this machine, with an ext4 file system: `nbdfuse` makes a file of the NBD export, a loop device a
 * block device of the file. A flush of the file system is an fsync of that file for the loop device, and a flush of the
 * export for nbdfuse; nothing in between keeps what was written from the export. Only for machines that can
 * (`kernel-mounts.ts`).
 */
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChildGuard, createChildGuard } from '../../cluster/child-guard.ts';
import type { Tool } from './fetch-tool.ts';
import { mountEnvironment } from './kernel-mounts.ts';
import { runTool, runToolWell } from './run-tool.ts';
import { until, untilAsync } from './until.ts';

export interface Ext4Tools {
  readonly e2fsck: Tool;
  readonly mkfs: Tool;
  readonly nbdfuse: Tool;
}

const attachTimeoutMs = 30_000;
const detachTimeoutMs = 30_000;

export class Ext4Volume {
  /** Where its files are while it is mounted. */
  readonly folder: string;
  readonly #tools: Ext4Tools;
  readonly #fuseFolder: string;
  readonly #guard: ChildGuard = createChildGuard();
  readonly #nbdfuse: ChildProcess;
  #device: string | null = null;
  #said = '';

  private constructor(tools: Ext4Tools, place: string, uri: string) {
    this.#tools = tools;
    this.folder = join(place, 'mounted');
    this.#fuseFolder = join(place, 'fuse');
    this.#nbdfuse = this.#guard.start({
      command: tools.nbdfuse.command,
      arguments: ['--pidfile', join(place, 'pid'), join(this.#fuseFolder, 'volume'), uri],
      environment: tools.nbdfuse.environment,
      output: 'ignore',
      errors: 'pipe',
    });
    this.#nbdfuse.stderr?.on('data', (data: Buffer) => {
      this.#said += data.toString('utf8');
    });
  }

  /** Makes a device of a volume. @param within a folder that is there; each call makes a new one in it */
  static async attach(tools: Ext4Tools, uri: string, within: string): Promise<Ext4Volume> {
    const place = await mkdtemp(join(within, 'ext4-'));
    for (const name of ['fuse', 'mounted']) await mkdir(join(place, name));
    const volume = new Ext4Volume(tools, place, uri);
    try {
      await volume.#attachLoop(join(place, 'pid'));
    } catch (error) {
      volume.cut();
      await volume.detach();
      throw error;
    }
    return volume;
  }

  async #attachLoop(pidFile: string): Promise<void> {
    const isServing = () => existsSync(pidFile) || this.#hasEnded;
    await until(isServing, 'nbdfuse to serve the volume', attachTimeoutMs);
    if (this.#hasEnded) throw new Error(`nbdfuse ended at once: ${this.#said}`);
    const file = join(this.#fuseFolder, 'volume');
    this.#device = (await system('losetup', '--find', '--show', file)).trim();
  }

  get #hasEnded(): boolean {
    return this.#nbdfuse.exitCode !== null || this.#nbdfuse.signalCode !== null;
  }

  get #attached(): string {
    if (this.#device === null) throw new Error('the volume is no device now');
    return this.#device;
  }

  /** Makes a new file system. */
  async format(): Promise<void> {
    const { mkfs } = this.#tools;
    await runToolWell(mkfs, ['-q', this.#attached]);
  }

  async mount(): Promise<void> {
    await system('mount', '-t', 'ext4', this.#attached, this.folder);
  }

  async unmount(): Promise<void> {
    await system('umount', this.folder);
  }

  /**
   * What is wrong with the file system, which is not mounted. One that was not unmounted has the latest changes in its
   * journal only, and files that were deleted while they were open: a check that may change nothing would call that
   * damage. So it is mounted first, which does what the journal says and nothing else; then it has to be clean without
   * any repair.
   */
  async problems(): Promise<readonly string[]> {
    await this.mount();
    await this.unmount();
    const { code, output, errors } = await runTool(this.#tools.e2fsck, ['-fn', this.#attached]);
    return code === 0 ? [] : [`e2fsck -fn ended with ${code}: ${errors}${output}`];
  }

  /** Takes the device away from under the file system, as a power cut does; what is written to it then fails. */
  cut(): void {
    this.#nbdfuse.kill('SIGKILL');
  }

  /**
   * Takes apart what was put together, however far that got, and whether or not it was cut. Goes on where something of it
   * does not go well, for mounts and loop devices outlive the process that made them.
   *
   * @throws Error when something is left
   */
  async detach(): Promise<void> {
    if (isMountPoint(this.folder) && !(await succeeds('umount', this.folder))) {
      this.cut();
      await succeeds('umount', '--lazy', this.folder);
    }
    if (this.#device !== null && (await succeeds('losetup', '--detach', this.#device)))
      this.#device = null;
    // A loop device that was let go holds its file for a moment longer.
    await untilAsync(
      async () => !isMountPoint(this.#fuseFolder) || succeeds('umount', this.#fuseFolder),
      'nbdfuse to be unmounted',
      detachTimeoutMs,
    ).catch(() => succeeds('umount', '--lazy', this.#fuseFolder));
    await until(() => this.#hasEnded, 'nbdfuse to end', detachTimeoutMs).catch(() => this.cut());
    this.#guard.close();
    const left = [this.folder, this.#fuseFolder].filter(isMountPoint);
    if (this.#device !== null) left.push(this.#device);
    if (left.length > 0) throw new Error(`still in use: ${left.join(', ')}`);
  }
}

function system(command: string, ...words: readonly string[]): Promise<string> {
  return runToolWell({ command, environment: mountEnvironment }, words);
}

async function succeeds(command: string, ...words: readonly string[]): Promise<boolean> {
  return (await runTool({ command, environment: mountEnvironment }, words)).code === 0;
}

function isMountPoint(folder: string): boolean {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return mounts.some((line) => line.split(' ')[1] === folder);
}
