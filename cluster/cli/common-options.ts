/** Options that several commands have. */
import { Option } from 'commander';

export function clusterOption(): Option {
  return new Option('--cluster <name>', 'which running cluster; needed only when several run');
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON');
}

/** What the two options give. */
export interface CommonOptions {
  readonly cluster?: string;
  readonly json?: boolean;
}
