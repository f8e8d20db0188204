/**
 * How many I/Os of a host others may have to remember (DESIGN I6). Every frame carries a watermark that its own number
 * is less than a window above; who takes note of that first has no number of an honest host to refuse. It must not:
 * the number may be the one that holds the watermark down, and as long as it is refused nothing is ever forgotten.
 */

/** A host's I/O numbers stay this close to its watermark. A power of two. */
export const ioWindowMax = 16_384;

/**
 * Numbers this close to the watermark are remembered even by who is short of room for the others: so few that a disk of
 * half a GiB has room for those of as many hosts as a cluster may have.
 */
export const ioWindowNear = 4;
