/**
 * Notices of others that concern a host's paths: that a process has ended, by whose supervisor that saw it, and that a
 * link was found dead by a switch. A notice of an end is proof, and what was delivered there is never answered: its
 * links fail at once. A link that others found dead may work from here: it is looked at.
 */
import {
  eventNames,
  linkDownSchema,
  type NodeExited,
  nodeExitedSchema,
} from '../../protocols/events.ts';
import type { LinkId } from '../../protocols/ids.ts';
import type { Bus, Cancel } from '../../protocols/ports.ts';
import type { Subjects } from '../../protocols/subjects.ts';
import { decodeJson } from '../json.ts';

export interface DepartureListener {
  /** These actors are gone. */
  departed(actors: NodeExited['actors']): void;
  linkReported(link: LinkId): void;
  /** A virtualizer began: it knows nothing that it was told before. */
  virtualizerBegan(): void;
}

export class Departures {
  readonly #control: Bus;
  readonly #subjects: Subjects;
  readonly #listener: DepartureListener;
  readonly #cancels: Cancel[] = [];

  constructor(control: Bus, subjects: Subjects, listener: DepartureListener) {
    this.#control = control;
    this.#subjects = subjects;
    this.#listener = listener;
  }

  start(): void {
    const on = (subject: string, take: (body: unknown) => void) =>
      this.#cancels.push(
        this.#control.subscribe(subject, { message: (data) => take(decodeJson(data)) }),
      );
    on(this.#subjects.eventsOf('node', eventNames.exited), (body) => {
      const exited = nodeExitedSchema.safeParse(body).data;
      if (exited !== undefined) this.#listener.departed(exited.actors);
    });
    on(this.#subjects.eventsOf('switch', eventNames.linkDown), (body) => {
      const report = linkDownSchema.safeParse(body).data;
      if (report !== undefined) this.#listener.linkReported(report.link);
    });
    on(this.#subjects.eventsOf('virtualizer', eventNames.hello), () =>
      this.#listener.virtualizerBegan(),
    );
  }

  stop(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
  }
}
