// Reading and writing the user's files, with errors that name the file and what to do.

import {
  chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { fileError } from "./errors.mjs";

const REASONS = {
  ENOENT: "there is no such file",
  EISDIR: "that is a folder",
  EACCES: "permission denied",
  ENOTDIR: "a part of the path is not a folder",
  ENOSPC: "the disk is full",
  EROFS: "the file system is read-only",
};

const reasonOf = (error) => REASONS[error.code] ?? error.message;

export function readBytes(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileError(`${path}: cannot be read: ${reasonOf(error)}`);
  }
}

export const readText = (path) => readBytes(path).toString("utf8");

/** Replaces a file as a whole, so that nobody reads half of it. */
export function writeWhole(path, content, mode = 0o644) {
  const draft = `${path}.new`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(draft, content, { mode });
    chmodSync(draft, mode);
    renameSync(draft, path);
  } catch (error) {
    throw fileError(`${path}: cannot be written: ${reasonOf(error)}`);
  }
}

export const isFile = (path) => existsSync(path) && statSync(path).isFile();

export const isFolder = (path) => existsSync(path) && statSync(path).isDirectory();

/** The path with all links followed; the path itself when nothing is there. */
export const realPath = (path) => (existsSync(path) ? realpathSync(path) : path);
