/**
 * Who listens to which subjects at one simulated NATS server. Exact subjects are looked up in a map, those with
 * wildcards in a tree of tokens; answers are remembered, because the same few subjects are published over and over.
 */
import { hasWildcard } from '../bus-subject.ts';

/** Something that listens; `order` is unique and says who hears a message first. */
export interface Listener {
  readonly subject: string;
  readonly order: number;
}

interface Branch<Each extends Listener> {
  readonly next: Map<string, Branch<Each>>;
  /** Those whose subject ends here. */
  readonly here: Each[];
  /** Those whose subject ends here with `>`. */
  readonly rest: Each[];
}

/** Subjects whose listeners are remembered; all are forgotten when there are more. */
const rememberedCountMax = 8192;

export class Interest<Each extends Listener> {
  readonly #exact = new Map<string, Each[]>();
  readonly #root: Branch<Each> = newBranch();
  #wildcardCount = 0;
  readonly #remembered = new Map<string, readonly Each[]>();

  add(listener: Each): void {
    this.#remembered.clear();
    if (hasWildcard(listener.subject)) {
      this.#wildcardCount += 1;
      listOf(this.#root, listener.subject).push(listener);
      return;
    }
    const list = this.#exact.get(listener.subject);
    if (list === undefined) this.#exact.set(listener.subject, [listener]);
    else list.push(listener);
  }

  /** Nothing if it is not there. */
  remove(listener: Each): void {
    this.#remembered.clear();
    if (hasWildcard(listener.subject)) {
      if (removeFrom(listOf(this.#root, listener.subject), listener)) this.#wildcardCount -= 1;
      return;
    }
    const list = this.#exact.get(listener.subject);
    if (list === undefined) return;
    removeFrom(list, listener);
    if (list.length === 0) this.#exact.delete(listener.subject);
  }

  /** Everybody who listens to `subject` (which has no wildcards), in their order. */
  match(subject: string): readonly Each[] {
    const remembered = this.#remembered.get(subject);
    if (remembered !== undefined) return remembered;
    const found = this.#find(subject);
    if (this.#remembered.size >= rememberedCountMax) this.#remembered.clear();
    this.#remembered.set(subject, found);
    return found;
  }

  #find(subject: string): readonly Each[] {
    const found = [...(this.#exact.get(subject) ?? [])];
    if (this.#wildcardCount > 0) collect(this.#root, subject.split('.'), 0, found);
    return found.sort((one, other) => one.order - other.order);
  }
}

function newBranch<Each extends Listener>(): Branch<Each> {
  return { next: new Map(), here: [], rest: [] };
}

/** The list to which a listener with this subject belongs. */
function listOf<Each extends Listener>(root: Branch<Each>, subject: string): Each[] {
  let branch = root;
  for (const token of subject.split('.')) {
    if (token === '>') return branch.rest;
    let next = branch.next.get(token);
    if (next === undefined) {
      next = newBranch();
      branch.next.set(token, next);
    }
    branch = next;
  }
  return branch.here;
}

function collect<Each extends Listener>(
  branch: Branch<Each>,
  tokens: readonly string[],
  depth: number,
  found: Each[],
): void {
  const token = tokens[depth];
  if (token === undefined) {
    found.push(...branch.here);
    return;
  }
  found.push(...branch.rest);
  const same = branch.next.get(token);
  if (same !== undefined) collect(same, tokens, depth + 1, found);
  const any = branch.next.get('*');
  if (any !== undefined) collect(any, tokens, depth + 1, found);
}

function removeFrom<Each>(list: Each[], listener: Each): boolean {
  const at = list.indexOf(listener);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}
