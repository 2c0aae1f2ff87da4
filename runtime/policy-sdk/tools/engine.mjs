// The router's engine on a PC: QuickJS compiled to WebAssembly, of the same line as in aditd, with
// a router's memory and stack. One job is one set of modules, run in a thread that can be ended
// from outside, because some built-in functions never ask whether they should stop.

import { Worker } from "node:worker_threads";

/** What the cage on a router gives a script, unless the configuration says otherwise. */
export const LIMITS = Object.freeze({ memoryKib: 1024, stackKib: 128, callMs: 100 });

/** What a whole job may take before its thread is ended. */
const JOB_SECONDS_MAX = 60;

/**
 * Runs a job: { modules: { name: text }, main, limits, overheadKib, secondsMax }. `main` is the
 * name of the module to evaluate. `onMessage` sees what the job tells. Returns
 * { error, memoryKib }; `error` is { kind, name, message, stack } or undefined.
 */
export function runJob(job, onMessage) {
  return new Promise((resolve, reject) => {
    const limits = { ...LIMITS, ...job.limits };
    const worker = new Worker(new URL("./engine-thread.mjs", import.meta.url), {
      workerData: { ...job, limits },
    });
    const seconds = job.secondsMax ?? JOB_SECONDS_MAX;
    const timer = setTimeout(() => {
      resolve({ error: hanging(seconds), memoryKib: 0 });
      void worker.terminate();
    }, seconds * 1000);
    worker.on("message", (message) => {
      if (message.type !== "ended") return onMessage(message);
      clearTimeout(timer);
      resolve({ error: message.error, memoryKib: message.memoryKib });
    });
    worker.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

const hanging = (seconds) => ({
  kind: "hang",
  name: "Hang",
  message: `still running after ${seconds} s, inside of a built-in function that cannot be stopped`,
  stack: "",
});
