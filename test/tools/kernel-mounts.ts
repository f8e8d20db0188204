/**
 * Whether this machine lets a test mount file systems. It takes root, FUSE, loop devices and ext4 in the kernel, which
 * containers often lack; nothing of that can be fetched. Found out by trying, for a device file that is there need not work.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const tryTimeoutMs = 20_000;
const probeBytes = 1024 * 1024;

/** The environment for programs that mount: they are in folders that not every user's path has. */
export const mountEnvironment: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`,
};

/** @returns what is missing, as a sentence's end; null when file systems can be mounted. */
export function whyNoKernelMounts(): string | null {
  if (process.platform !== 'linux') return 'it is no Linux';
  if (process.getuid?.() !== 0) return 'only root may mount file systems';
  const folder = mkdtempSync(join(tmpdir(), 'sanctor-mounts-'));
  try {
    return whyNoLoopDevice(folder) ?? whyNoFuse(folder) ?? whyNoExt4();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function whyNoLoopDevice(folder: string): string | null {
  const file = join(folder, 'image');
  writeFileSync(file, '');
  truncateSync(file, probeBytes);
  const script = 'device=$(losetup --find --show "$1") && losetup --detach "$device"';
  return tried('it lets no loop device be attached', script, file);
}

/** A mount that nobody serves is enough: the kernel and the container have agreed to it then. */
function whyNoFuse(folder: string): string | null {
  const script = `exec 9<>/dev/fuse &&
    mount -i -t fuse -o fd=9,rootmode=40000,user_id=0,group_id=0 sanctor-probe "$1" &&
    umount -l "$1"`;
  return tried('it lets no FUSE file system be mounted', script, folder);
}

function whyNoExt4(): string | null {
  spawnSync('modprobe', ['ext4'], { env: mountEnvironment, timeout: tryTimeoutMs });
  const known = readFileSync('/proc/filesystems', 'utf8').split(/\s+/);
  return known.includes('ext4') ? null : 'its kernel has no ext4';
}

function tried(what: string, script: string, word: string): string | null {
  const { status, stderr, error } = spawnSync('sh', ['-c', script, 'sh', word], {
    env: mountEnvironment,
    encoding: 'utf8',
    timeout: tryTimeoutMs,
  });
  if (status === 0) return null;
  return `${what}: ${(error?.message ?? stderr).trim()}`;
}
