/** Events for people and programs: the last ones are kept, followers get every new one. */
import type { AditEvent } from "../model/event.js";
import { eventHistoryMax } from "../model/limits.js";

/** An event with the wall clock's time in milliseconds since 1970. */
export type TimedEvent = { readonly time: number } & AditEvent;

export type Follower = (event: TimedEvent) => void;

export class EventBus {
  private readonly history: TimedEvent[] = [];
  private readonly followers = new Set<Follower>();

  constructor(private readonly wallMs: () => number) {}

  publish(event: AditEvent): void {
    const timed = { time: Math.floor(this.wallMs()), ...event };
    this.history.push(timed);
    if (this.history.length > eventHistoryMax) this.history.shift();
    for (const follower of [...this.followers]) follower(timed);
  }

  /** The kept events, oldest first. */
  recent(): readonly TimedEvent[] {
    return this.history;
  }

  /** Returns the function that ends the following. */
  follow(follower: Follower): () => void {
    this.followers.add(follower);
    return () => this.followers.delete(follower);
  }
}
