/** Whether a volume takes I/O now: what the attachment's machine publishes and the data path reads. */
import { Status } from '../../protocols/codes.ts';

export type Admission =
  | { readonly open: true }
  /** `status` is what I/O ends with at once; `reason` is for people. */
  | { readonly open: false; readonly status: Status; readonly reason: string };

export const admitted: Admission = { open: true };

/** Refuses I/O with the error that a consumer takes for trouble on the way. */
export function refusing(reason: string): Admission {
  return { open: false, status: Status.path, reason };
}
