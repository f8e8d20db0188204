import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { driverPolicyDefault } from '../../../actors/host/driver-policy.ts';
import { recoveryOf } from '../../../actors/host/recovery.ts';
import { packageFile } from '../../../cluster/package-root.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import type { Outcome } from '../../../protocols/frames/reply.ts';
import type { Request } from '../../../protocols/frames/request.ts';

interface Row {
  readonly code: string;
  readonly read: string;
  readonly write: string;
}

/** The rows of the table beside the codes. */
function documented(): readonly Row[] {
  const text = readFileSync(packageFile('protocols', 'codes.md'), 'utf8');
  return text.split('\n').flatMap((line) => {
    const [, code = '', , , read = '', write = ''] = line.split('|').map((cell) => cell.trim());
    return code.startsWith('`') ? [{ code: code.replaceAll('`', ''), read, write }] : [];
  });
}

/** Everything that any of the codes carries. */
const detail = {
  ...{ disk: 'd1', alternates: [], links: [], retryAfterMs: 1, what: '' },
  ...{
    generation: 1,
    partition: 0,
    coordinator: 's1',
    epoch: 1,
    number: 'controlEpoch',
    current: 1,
  },
};

/** What the host does about the first answer, as a disk gives it. */
function recovery(status: Status, operation: Operation): string {
  if (status === Status.ok) return '–';
  const request = { operation, attempt: 0 } as Request;
  const outcome = { status, detail } as unknown as Exclude<Outcome, { status: typeof Status.ok }>;
  return recoveryOf(request, outcome, driverPolicyDefault, 'd1' as never).kind;
}

describe('the table of codes', () => {
  it('lists exactly the codes that there are, each with the recovery that the host really has', () => {
    const real = Object.entries(Status).map(([code, status]) => ({
      code,
      read: recovery(status, Operation.read),
      write: recovery(status, Operation.write),
    }));
    expect(documented()).to.deep.equal(real);
  });
});
