/**
 * Child processes that cannot outlive this process, even when it is killed with SIGKILL. One small `sh` watches a pipe
 * from this process: it is told the id of each child, and when the pipe ends it kills them all. A child starts behind
 * a gate (a `sh` that waits for one line and then becomes the command), so that no child runs before the guard
 * knows it. Each child leads a process group of its own: Ctrl-C in a terminal reaches this process only, and the
 * guard ends what a child started as well. When to start, stop or restart a child is left to the caller.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/** `+ id` and `- id` keep the list; the end of the input is the end of the parent. */
const guardScript = `trap '' INT TERM HUP
ids=' '
while read -r change id; do
  case $change in
    +) ids="$ids-$id " ;;
    -) ids="\${ids%% -$id *} \${ids#* -$id }" ;;
  esac
done
[ "$ids" = ' ' ] || kill -s KILL -- $ids`;

/** The exit code of a child whose parent died before it was let through the gate. */
const gateClosedCode = 125;

export type GuardedOutput = 'inherit' | 'ignore' | 'pipe' | number;

export interface GuardedCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly folder?: string;
  /** The whole environment; this process's own when left out. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly output: GuardedOutput;
  readonly errors: GuardedOutput;
  /** Opens Node's message channel (`child.send`, `process.on('message')`). */
  readonly messages?: boolean;
}

/**
 * - `start`: the child's `pid` is the command's own. A command that does not exist shows as exit code 127, one that
 *   cannot be executed as 126.
 * - `close`: lets the guard go. Only for when no child is left that should be guarded.
 */
export interface ChildGuard {
  start(command: GuardedCommand): ChildProcess;
  close(): void;
}

/** Begins guarding. The guard itself keeps neither this process nor its terminal open. */
export function createChildGuard(): ChildGuard {
  const guarded = new Set<number>();
  let guard: Writable | null = null;
  let closed = false;

  function openGuard(): Writable {
    const shell = spawn('sh', ['-c', guardScript], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const input = shell.stdin;
    input.on('error', () => {});
    shell.on('error', () => {});
    shell.on('exit', () => {
      guard = null;
      if (!closed && guarded.size > 0) guard = openGuard();
    });
    shell.unref();
    if ('unref' in input && typeof input.unref === 'function') input.unref();
    for (const id of guarded) input.write(`+ ${id}\n`);
    return input;
  }

  return {
    start(command) {
      if (closed) throw new Error(`cannot start ${command.command}: its child guard is closed`);
      guard ??= openGuard();
      const child = spawnBehindGate(command);
      const id = child.pid;
      if (id !== undefined) {
        guarded.add(id);
        guard.write(`+ ${id}\n`);
        child.once('exit', () => {
          guarded.delete(id);
          guard?.write(`- ${id}\n`);
        });
      }
      openGate(child);
      return child;
    },
    close() {
      closed = true;
      guard?.end();
    },
  };
}

/** The gate is the child's last file descriptor; the command finds it closed. */
function spawnBehindGate(command: GuardedCommand): ChildProcess {
  const stdio: ('inherit' | 'ignore' | 'pipe' | 'ipc' | number)[] = [
    'ignore',
    command.output,
    command.errors,
  ];
  if (command.messages === true) stdio.push('ipc');
  const gate = stdio.length;
  stdio.push('pipe');
  const script = `read -r go <&${gate} || exit ${gateClosedCode}; exec ${gate}<&-; exec "$@"`;
  return spawn('sh', ['-c', script, 'sh', command.command, ...command.arguments], {
    detached: true,
    stdio,
    ...(command.folder === undefined ? {} : { cwd: command.folder }),
    ...(command.environment === undefined ? {} : { env: command.environment }),
  });
}

function openGate(child: ChildProcess): void {
  const gate = child.stdio.at(-1);
  if (gate === null || gate === undefined || !('write' in gate)) return;
  gate.on('error', () => {});
  gate.end('go\n');
}
