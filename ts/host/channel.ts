/**
 * Requests to the mover and its answers. Every message carries a sequence number; an answer repeats
 * that of its request, what the mover says by itself carries 0.
 */
import type { DeciderMessage, MoverMessage } from "./contract.gen.js";
import { decodeMessage, encodeMessage } from "./contract.gen.js";
import type { Native } from "./native.js";

/** Requests that may wait for an answer; more are a fault of ours. */
const requestsPendingMax = 4_096;
const sequenceMax = 0xffff_ffff;

/** Returns true to be called again for a further part of the same answer. */
export type AnswerHandler = (answer: MoverMessage, fd: number) => boolean | void;

export interface Channel {
  readonly native: Native;
  readonly pending: Map<number, AnswerHandler>;
  nextSequence: number;
  /** Called for every message that is no answer. */
  readonly onNews: (message: MoverMessage, fd: number) => void;
}

export function createChannel(native: Native, onNews: Channel["onNews"]): Channel {
  return { native, pending: new Map(), nextSequence: 1, onNews };
}

/** Sends a command; `onAnswer` is called once, later, or for each part while it returns true. */
export function request(channel: Channel, message: DeciderMessage, onAnswer: AnswerHandler): void {
  if (channel.pending.size >= requestsPendingMax) throw new Error("too many requests pending");
  const sequence = channel.nextSequence;
  channel.nextSequence = sequence === sequenceMax ? 1 : sequence + 1;
  if (channel.pending.has(sequence)) throw new Error(`sequence ${sequence} is still pending`);
  channel.pending.set(sequence, onAnswer);
  transmit(channel, message, sequence);
}

/** Sends a message that has no answer. */
export function tell(channel: Channel, message: DeciderMessage): void {
  transmit(channel, message, 0);
}

/** Sends a command whose only interesting answer is an error. */
export function command(
  channel: Channel,
  message: DeciderMessage,
  onError: (error: number, text: string) => void,
): void {
  request(channel, message, (answer) => {
    const result = asResult(answer);
    if (result.error !== 0) onError(result.error, result.text);
  });
}

/** Takes one message from the mover, with the descriptor that came along or -1. */
export function receive(channel: Channel, bytes: Uint8Array, fd: number): void {
  const { message, seq } = decodeMessage(bytes);
  const handler = channel.pending.get(seq);
  if (handler === undefined) {
    channel.onNews(message, fd);
    return;
  }
  if (handler(message, fd) !== true) channel.pending.delete(seq);
}

/** The plain answer to a command; anything else in its place is a fault of the mover. */
export function asResult(answer: MoverMessage): { error: number; text: string } {
  if (answer.type !== "result") throw new Error(`answer ${answer.type} where result belongs`);
  return answer;
}

function transmit(channel: Channel, message: DeciderMessage, sequence: number): void {
  const error = channel.native.send(encodeMessage(message, sequence));
  if (error !== 0) throw new Error(`the mover takes no ${message.type}: error ${error}`);
}
