/**
 * How long what a disk has answered proves that an attachment is still one (DESIGN I14). A disk refuses I/O of an attachment
 * that was taken away as soon as it has confirmed that. What is answered without asking a disk rests on its last answer
 * for so long and no longer; who gives the volume to somebody else waits for that, once all disks have confirmed.
 */

/** From when the I/O was sent to the disk, on the clock of who sent it. */
export const leaseMs = 1000;
/** More than that, for clocks that do not run at the same speed. */
export const leaseWaitMs = 1100;
