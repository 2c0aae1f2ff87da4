/** Composition only: the command line client, and what the C host calls of it. */
import { createCli } from "./api/cli.js";
import { native } from "./host/native.js";

export const { start, onMessage, onDescriptor, onTimer, nextDeadlineMs } = createCli(native);
