#!/usr/bin/env node
/**
 * The command line `sanctor`: brings the commands together (DESIGN §7), and turns what goes wrong into one message and
 * an exit code. What a command does is in its own file, loaded only when it runs.
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { packageFile } from '../package-root.ts';
import { addClusterCommands } from './cluster-commands.ts';
import { addFaultCommands } from './fault-commands.ts';
import { addInspectCommands } from './inspect-commands.ts';
import { addProofCommands } from './proof-commands.ts';
import { addVolumeCommands } from './volume-commands.ts';

/** Exit codes: 0 only on success; `sim` tells its failures apart with codes of its own. */
const failed = 1;

const program = new Command('sanctor')
  .description('A SAN made of actors: mirrored volumes over NATS, served over NBD.')
  .version(
    (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version,
  )
  .showHelpAfterError('(sanctor --help lists the commands)');

addClusterCommands(program);
addInspectCommands(program);
addVolumeCommands(program);
addFaultCommands(program);
addProofCommands(program);

program.parseAsync().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`sanctor: ${message}\n`);
  if (process.env.SANCTOR_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  // Not only the code: a connection that was given up may have left a socket open.
  process.exit(failed);
});
