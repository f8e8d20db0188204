import { expect } from 'chai';
import { Status } from '../../../protocols/codes.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { nbdErrorOf } from '../../../protocols/nbd/errors.ts';

const expected: Readonly<Record<keyof typeof Status, number>> = {
  ok: nbd.NBD_SUCCESS,
  mirrorRead: nbd.NBD_EIO,
  path: nbd.NBD_EIO,
  staleGeneration: nbd.NBD_EIO,
  notCoordinator: nbd.NBD_EIO,
  fenced: nbd.NBD_EIO,
  notLoaded: nbd.NBD_EIO,
  busy: nbd.NBD_EIO,
  masked: nbd.NBD_EPERM,
  media: nbd.NBD_EIO,
  noSpace: nbd.NBD_ENOSPC,
  range: nbd.NBD_EINVAL,
  invalid: nbd.NBD_EINVAL,
};

describe('NBD error values', () => {
  for (const [name, status] of Object.entries(Status)) {
    it(`a read that ends with ${name} is answered as the standard asks`, () => {
      const error = nbdErrorOf(status, nbd.NBD_CMD_READ);
      expect(error).to.equal(expected[name as keyof typeof Status]);
    });
  }

  it('beyond the end there is no space for what would store something', () => {
    expect(nbdErrorOf(Status.range, nbd.NBD_CMD_WRITE)).to.equal(nbd.NBD_ENOSPC);
    expect(nbdErrorOf(Status.range, nbd.NBD_CMD_WRITE_ZEROES)).to.equal(nbd.NBD_ENOSPC);
    expect(nbdErrorOf(Status.range, nbd.NBD_CMD_TRIM)).to.equal(nbd.NBD_EINVAL);
  });
});
