/**
 * What may stand in a subject, checked before it reaches a bus, in both worlds: a space or a line break in one makes
 * a NATS server drop the connection, and with it everybody's messages.
 */

/** NATS refuses protocol lines above 4 KiB; ours are far below. */
const subjectLengthMax = 255;

const space = 0x20;
const star = 0x2a;
const dot = 0x2e;
const greater = 0x3e;
const tilde = 0x7e;

/**
 * Checks a subject to publish to, or a reply subject: tokens of printable ASCII, no wildcards.
 *
 * @throws RangeError naming the subject. Own subjects are built from ids, so this is a bug, or a reply subject that
 * a stranger made up; either way the message must not be sent.
 */
export function checkPublishSubject(subject: string): void {
  const length = subject.length;
  let before = dot;
  for (let at = 0; at < length; at++) {
    const code = subject.charCodeAt(at);
    if (code <= space || code > tilde || code === star || code === greater) refuse(subject);
    if (code === dot && before === dot) refuse(subject);
    before = code;
  }
  if (before === dot || length > subjectLengthMax) refuse(subject);
}

/**
 * Checks a subject to subscribe to: as above, but a token may be `*`, and the last one `>`.
 *
 * @throws RangeError naming the subject.
 */
export function checkSubscribeSubject(subject: string): void {
  const tokens = subject.split('.');
  const concrete = tokens.map((token, index) => {
    const isWildcard = token === '*' || (token === '>' && index === tokens.length - 1);
    return isWildcard ? 'any' : token;
  });
  if (subject.length > subjectLengthMax) refuse(subject);
  checkPublishSubject(concrete.join('.'));
}

/** True when the subject has wildcards, so that messages come with other subjects than this one. */
export function hasWildcard(subject: string): boolean {
  return subject.includes('*') || subject.includes('>');
}

function refuse(subject: string): never {
  throw new RangeError(
    `not a subject: ${JSON.stringify(subject)}; allowed are tokens of printable ASCII joined by dots, ` +
      `${subjectLengthMax} characters at most, wildcards only for subscribing`,
  );
}
