/** Tables for people: one row for each thing, one column for each fact. */
import Table from 'cli-table3';

const plainStyle = { head: [], border: [], 'padding-left': 0, 'padding-right': 2 };
const noBorders = Object.fromEntries(
  [
    [
      'top',
      'top-mid',
      'top-left',
      'top-right',
      'bottom',
      'bottom-mid',
      'bottom-left',
      'bottom-right',
    ],
    ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ]
    .flat()
    .map((name) => [name, '']),
);

/** The rows under the names of their columns; fields that are not named are left out. */
export function tableOf(rows: readonly object[], columns: readonly string[]): string {
  const table = new Table({ head: [...columns], chars: noBorders, style: plainStyle });
  for (const row of rows) {
    table.push(columns.map((column) => cellOf((row as Record<string, unknown>)[column])));
  }
  return table.toString();
}

function cellOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(' ');
  if (value === null || value === undefined) return '-';
  if (value === true) return 'yes';
  return value === false ? 'no' : String(value);
}
