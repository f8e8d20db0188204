/**
 * Keeps the order in which a client's connections followed each other (DESIGN I6): what it had sent on a connection
 * that it gave up comes before what it sends on the next one.
 *
 * What stands in a socket that is not being read (its connection has read ahead as far as it may) is unknown, and so
 * is the news that the client has hung up. Were a newer connection served meanwhile, old requests would be executed
 * behind requests that the client sent later. So a connection that enters transmission waits until each older one of
 * the same volume has read what had arrived, or is gone. One that is not read because its client takes no replies is
 * not waited for: a client that gave it up has reset it by that, and its unread bytes are thrown away.
 */

/** Runs `run` when everything that has arrived at sockets by now and may be read has been read once. */
export type AfterTurn = (run: () => void) => void;

interface Newcomer {
  readonly proceed: () => void;
  /** The socket was emptied since the newcomer came. What may stand behind the last byte is the end. */
  emptied: boolean;
}

/** One connection's side of it: how far it has read, and who waits for that. */
export class Arrivals {
  readonly #afterTurn: AfterTurn;
  #newcomers: Newcomer[] = [];
  #mayRead = true;
  #gone = false;
  #checking = false;
  #chunks = 0;

  constructor(afterTurn: AfterTurn) {
    this.#afterTurn = afterTurn;
  }

  /** `proceed` is called once all that has arrived here by now has been read, perhaps at once. */
  whenReadUp(proceed: () => void): void {
    if (this.#gone) {
      proceed();
      return;
    }
    this.#newcomers.push({ proceed, emptied: false });
    this.#check();
  }

  /** A chunk was read; `emptied` when the socket had nothing more at that moment. */
  received(emptied: boolean): void {
    this.#chunks++;
    if (emptied) for (const newcomer of this.#newcomers) newcomer.emptied = true;
  }

  /** Whether the socket is being read. */
  mayRead(mayRead: boolean): void {
    this.#mayRead = mayRead;
    this.#check();
  }

  /** Nothing more will be read here. */
  end(): void {
    this.#gone = true;
    this.#letIn(this.#newcomers);
  }

  /** Once a socket was emptied or gave nothing for a turn, its end would have been seen in the turn behind that. */
  #check(): void {
    if (this.#newcomers.length === 0 || this.#checking || !this.#mayRead) return;
    this.#checking = true;
    const chunks = this.#chunks;
    const present = this.#newcomers;
    const emptied = present.filter((newcomer) => newcomer.emptied);
    this.#afterTurn(() => {
      this.#checking = false;
      if (this.#gone || !this.#mayRead) return;
      this.#letIn(this.#chunks === chunks ? present : emptied);
      this.#check();
    });
  }

  #letIn(ready: readonly Newcomer[]): void {
    this.#newcomers = this.#newcomers.filter((newcomer) => !ready.includes(newcomer));
    for (const newcomer of ready) newcomer.proceed();
  }
}
