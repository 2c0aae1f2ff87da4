// Installs, upgrades and removes a package in a router's root as apk does it: scripts at apk's own
// points, configuration that differs from what was installed stays.

import {
  chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { sh } from "./root.mjs";

const isProtected = (path) => path.startsWith("etc/") && !path.startsWith("etc/init.d/");

/** `former` is what readApk said of the package that it replaces. */
export function installApk(root, apk, { ns, former } = {}) {
  runScript(root, apk, former === undefined ? "pre-install" : "pre-upgrade", ns);
  for (const entry of apk.files) writeEntry(root, entry, former);
  removeFiles(root, (former?.files ?? []).filter(({ path }) =>
    !apk.files.some((each) => each.path === path)));
  return runScript(root, apk, former === undefined ? "post-install" : "post-upgrade", ns);
}

export function removeApk(root, apk, { ns } = {}) {
  const before = runScript(root, apk, "pre-deinstall", ns);
  removeFiles(root, apk.files.filter((entry) => !isEdited(root, entry)));
  const after = runScript(root, apk, "post-deinstall", ns);
  return { status: before.status || after.status, stdout: before.stdout + after.stdout,
    stderr: before.stderr + after.stderr };
}

function writeEntry(root, entry, former) {
  const place = join(root, entry.path);
  if (entry.type === "folder") {
    mkdirSync(place, { recursive: true });
    return;
  }
  const known = former?.files.find(({ path }) => path === entry.path);
  const differs = isProtected(entry.path) && existsSync(place)
    && (known === undefined || isEdited(root, known));
  const target = differs ? `${place}.apk-new` : place;
  rmSync(target, { force: true });
  mkdirSync(dirname(target), { recursive: true });
  if (entry.type === "link") {
    symlinkSync(entry.target, target);
    return;
  }
  writeFileSync(target, entry.content);
  chmodSync(target, entry.mode);
}

/** Whether a file of the configuration is there, and not as the package brought it. */
function isEdited(root, { path, type, content }) {
  const place = join(root, path);
  return type === "file" && isProtected(path) && existsSync(place)
    && !readFileSync(place).equals(content);
}

function removeFiles(root, files) {
  for (const { path, type } of files) {
    if (type !== "folder") rmSync(join(root, path), { force: true });
  }
}

function runScript(root, { info, scripts }, point, ns) {
  const text = scripts[point];
  if (text === undefined) return { status: 0, stdout: "", stderr: "" };
  writeFileSync(join(root, "tmp/apk-script"), text, { mode: 0o755 });
  return sh(root, `/tmp/apk-script ${info.version}`, { ns });
}
