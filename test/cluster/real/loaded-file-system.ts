/** An ext4 file system on a volume of a real cluster, with SQLite databases in it that are committed to. */
import { CommittingDatabase } from '../../tools/committing-database.ts';
import { type Ext4Tools, Ext4Volume } from '../../tools/ext4-volume.ts';
import type { Tool } from '../../tools/fetch-tool.ts';

/** How many more commits each database gets before something is done to the cluster, and after it. */
const commits = 15;

export interface FileSystemTools extends Ext4Tools {
  readonly sqlite3: Tool;
}

export class LoadedFileSystem {
  readonly #databases: readonly CommittingDatabase[];
  readonly #tools: FileSystemTools;
  readonly #uri: string;
  readonly #folder: string;
  #volume: Ext4Volume | null = null;

  constructor(tools: FileSystemTools, uri: string, folder: string) {
    this.#uri = uri;
    this.#folder = folder;
    this.#tools = tools;
    this.#databases = [
      new CommittingDatabase(tools.sqlite3, 'delete'),
      new CommittingDatabase(tools.sqlite3, 'wal'),
    ];
  }

  /** Makes a new file system. */
  async format(): Promise<void> {
    const volume = await this.#attach();
    await volume.format();
  }

  /** A volume that is attached anew is read from its disks, not from what this machine still knows of it. */
  async #attach(): Promise<Ext4Volume> {
    if (this.#volume !== null) await this.detach();
    this.#volume = await Ext4Volume.attach(this.#tools, this.#uri, this.#folder);
    return this.#volume;
  }

  get #attached(): Ext4Volume {
    if (this.#volume === null) throw new Error('nothing is attached');
    return this.#volume;
  }

  /** Mounts the file system, and has commits come one after the other from here on. */
  async begin(): Promise<void> {
    await this.#attached.mount();
    for (const database of this.#databases) database.begin(this.#attached.folder);
  }

  /** How many commits have been answered. */
  get acknowledged(): number {
    return this.#databases.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  /** Waits until each database has got some more. */
  async more(): Promise<void> {
    await Promise.all(this.#databases.map((database) => database.more(commits)));
  }

  /** Ends it in good order. */
  async end(): Promise<void> {
    for (const database of this.#databases) await database.stop();
    await this.detach();
  }

  /** Ends it as when the power goes. */
  async cut(): Promise<void> {
    this.#volume?.cut();
    await this.detach();
  }

  /** Whatever state it is in. */
  async detach(): Promise<void> {
    for (const database of this.#databases) await database.kill();
    await this.#volume?.detach();
    this.#volume = null;
  }

  /** What is wrong with the file system and what is in it, as whoever attaches the volume anew finds it. */
  async problems(): Promise<readonly string[]> {
    const volume = await this.#attach();
    try {
      const problems = [...(await volume.problems())];
      await volume.mount();
      for (const database of this.#databases)
        problems.push(...(await database.problems(volume.folder)));
      await volume.unmount();
      return problems;
    } catch (error) {
      // What cannot even be mounted has lost everything.
      return [error instanceof Error ? error.message : String(error)];
    }
  }
}
