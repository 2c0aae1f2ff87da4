// What a command may refuse with, and the exit statuses that scripts around it can rely on.

/** 0 all is well, 1 something was found, 2 wrong usage, 3 a file cannot be read or written. */
export const EXIT = Object.freeze({ ok: 0, found: 1, usage: 2, files: 3 });

/** The user's fault or the file system's: told in one line, without a stack. */
export class Refusal extends Error {
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

export const usageError = (message) => new Refusal(message, EXIT.usage);
export const fileError = (message) => new Refusal(message, EXIT.files);

/** Mistakes in the user's sources, each with its place; see findings.mjs. */
export class SourceError extends Error {
  constructor(findings) {
    super(findings.map((finding) => finding.message).join("\n"));
    this.findings = findings;
  }
}
