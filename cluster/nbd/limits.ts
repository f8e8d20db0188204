/** How much one NBD connection may ask of the server: with these, no client can take memory without bound. */
import { NBD_PAYLOAD_BYTES_ALWAYS } from '../../protocols/nbd/constants.ts';
import { kibibyte, mebibyte } from '../../protocols/units.ts';

export interface SessionLimits {
  /** Requests begun and not answered; at this many, no further one is begun. */
  readonly requestsMax: number;
  /**
   * Payload of those requests, read and written. A request that alone exceeds it is served alone, for the volume's
   * `ioBytesMax` may be larger.
   */
  readonly inFlightBytesMax: number;
  /**
   * Bytes received and not begun: above this the socket is not read. They are read ahead so that the server learns
   * when the client hangs up; then they are thrown away, and nothing that it gave up is executed late (DESIGN I6).
   */
  readonly readAheadBytesMax: number;
  /** Replies that the client has not taken: above this no further request is begun. */
  readonly unsentBytesMax: number;
  /** A refused WRITE's payload is skipped up to this length; the client that sends a longer one is disconnected. */
  readonly skippedPayloadBytesMax: number;
  /** Data of one option; a longer option disconnects. */
  readonly optionBytesMax: number;
  /** Options of one handshake; more disconnect. */
  readonly optionsMax: number;
  /** Stretches in one answer to BLOCK_STATUS; the client asks again for the rest. */
  readonly descriptorsMax: number;
}

export const defaultSessionLimits: SessionLimits = {
  requestsMax: 256,
  inFlightBytesMax: 16 * mebibyte,
  readAheadBytesMax: 8 * mebibyte,
  unsentBytesMax: 4 * mebibyte,
  skippedPayloadBytesMax: 2 * NBD_PAYLOAD_BYTES_ALWAYS,
  optionBytesMax: 64 * kibibyte,
  optionsMax: 128,
  descriptorsMax: 4096,
};
