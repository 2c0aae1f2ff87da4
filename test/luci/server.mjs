// A web server that shows the pages in LuCI's own front end: the static files of a LuCI checkout
// (LUCI_DIR) and of our package, the frame of its bootstrap theme, the menu, and the stand-in for
// rpcd. What LuCI's server side does beyond that (logging in) is left out.

import { createReadStream, existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { hashOf, readPo } from "../../scripts/packages/make-lmo.mjs";

const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml",
  ".png": "image/png", ".gif": "image/gif" };
const PREFIX = "/cgi-bin/luci/";
/** What /usr/libexec/luci-peeraddr says of a browser that no change of the network cuts off. */
const PEER = { remote_addr: "127.0.0.1", inbound_devices: [], inbound_interfaces: [] };
const BODY_BYTES_MAX = 1_048_576;

/** Files that show that a folder is a checkout of LuCI with what is needed of it. */
const NEEDED = ["modules/luci-base/htdocs/luci-static/resources/luci.js",
  "themes/luci-theme-bootstrap/htdocs/luci-static/bootstrap/cascade.css"];

export const isLuci = (folder) => NEEDED.every((name) => existsSync(join(folder, name)));

/** Starts to listen on a free port of 127.0.0.1; `session` is the one that pages get. */
export async function startServer({ luci, app, protocol, rpcd, uci, session }) {
  const site = { luci, app, rpcd, uci, session, language: "en", menu: menuOf([luci, app]) };
  site.roots = [app, protocol, join(luci, "modules/luci-base"),
    join(luci, "themes/luci-theme-bootstrap")].map((folder) => join(folder, "htdocs"));
  const server = createServer((request, response) => {
    serve(site, request, response).catch((error) => {
      response.writeHead(500);
      response.end(error.stack);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}${PREFIX}`, site,
    close: () => server.close() };
}

async function serve(site, request, response) {
  const { pathname } = new URL(request.url, "http://router");
  const send = (status, type, body) => {
    response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" });
    response.end(body);
  };
  const json = (value) => send(200, "application/json", JSON.stringify(value));
  if (pathname.startsWith("/luci-static/")) return sendFile(site, pathname, response, send);
  if (pathname.startsWith("/ubus/")) {
    return json(request.method === "POST" ? await site.rpcd.handle(await bodyOf(request)) : {});
  }
  if (pathname === "/cgi-bin/cgi-exec") return json(PEER);
  if (!pathname.startsWith(PREFIX)) return send(404, "text/plain", "not found");
  const path = pathname.slice(PREFIX.length);
  if (path === "admin/menu") return json(site.menu);
  if (path.startsWith("admin/translations/")) {
    return send(200, "text/javascript", translations(site));
  }
  if (path.startsWith("admin/uci/")) return applyChanges(site, path, send, json);
  return sendPage(site, path, send);
}

/** Every message of the app in the site's language, by the hash under which LuCI looks for it. */
function translations({ app, language }) {
  const file = join(app, "po", language, "adit.po");
  const entries = existsSync(file) ? readPo(readFileSync(file, "utf8")) : [];
  const said = entries.map(([original, text]) =>
    [hashOf(original).toString(16).padStart(8, "0"), text]);
  return `window.TR = ${JSON.stringify(Object.fromEntries(said))};`;
}

async function bodyOf(request) {
  const parts = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += part.length;
    if (bytes <= BODY_BYTES_MAX) parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function sendFile({ roots }, pathname, response, send) {
  const files = roots.map((root) => join(root, normalize(decodeURIComponent(pathname))));
  const file = files.find((name, i) => name.startsWith(roots[i]) && existsSync(name) &&
    statSync(name).isFile());
  if (file === undefined) return send(404, "text/plain", "not found");
  response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "text/plain" });
  return createReadStream(file).pipe(response);
}

/** Save & Apply as LuCI's controller answers it; what is applied is applied at once. */
function applyChanges({ uci }, path, send, json) {
  const verb = path.slice("admin/uci/".length);
  if (verb === "revert") uci.revert();
  if (verb.startsWith("apply") && uci.isChanged()) uci.commit();
  if (verb === "apply_rollback") return json({ token: "0".repeat(16) });
  return send(verb === "apply_unchecked" ? 204 : 200, "application/json", "{}");
}

/** The menu tree of all menu.d files, with what has nothing to show left out. */
function menuOf([luci, app]) {
  const folders = [join(luci, "modules/luci-base"), app]
    .map((folder) => join(folder, "root/usr/share/luci/menu.d"));
  const entries = folders.flatMap((folder) => readdirSync(folder).flatMap((name) =>
    Object.entries(JSON.parse(readFileSync(join(folder, name), "utf8")))));
  const root = { children: {} };
  for (const [path, entry] of entries.filter(([name]) => !name.includes("*"))) {
    const node = path.split("/").reduce((at, name) => {
      at.children ??= {};
      return (at.children[name] ??= {});
    }, root);
    Object.assign(node, entry);
  }
  markVisible(root);
  return root;
}

function markVisible(node) {
  const children = Object.values(node.children ?? {});
  const shown = children.map(markVisible).some(Boolean);
  node.satisfied = shown || node.action?.type === "view";
  return node.satisfied;
}

function sendPage(site, path, send) {
  const words = path.split("/");
  const node = words.reduce((at, name) => at?.children?.[name], site.menu);
  if (node?.action?.type !== "view") return send(404, "text/plain", `no page ${path}`);
  return send(200, "text/html; charset=utf-8", pageOf(site, words, node));
}

// The frame that the theme's header and footer templates render to.
function pageOf({ session, rpcd }, words, node) {
  const readonly = !rpcd.isAllowed(session(), "uci", "adit", "write");
  const env = {
    media: "/luci-static/bootstrap", resource: "/luci-static/resources",
    scriptname: PREFIX.slice(0, -1), pathinfo: `/${words.join("/")}`, documentroot: "/www",
    requestpath: words, dispatchpath: words, pollinterval: 5, ubuspath: "/ubus/",
    sessionid: session(), token: "0".repeat(32), nodespec: { ...node, readonly },
    apply_rollback: 90, apply_holdoff: 1, apply_timeout: 5, apply_display: 1.5,
    rollback_token: null,
  };
  return `<!DOCTYPE html>
<html lang="en" data-darkmode="false"><head><meta charset="utf-8"><title>adit - LuCI</title>
<meta name="viewport" content="initial-scale=1.0">
<link rel="stylesheet" href="${env.media}/cascade.css">
<link rel="stylesheet" media="only screen and (max-device-width: 854px)"
 href="${env.media}/mobile.css">
<link rel="icon" href="${env.media}/logo_48.png" sizes="48x48">
<script src="${PREFIX}admin/translations/en"></script>
<script src="${env.resource}/cbi.js"></script></head>
<body class="lang_en ${node.title}" data-page="${words.join("-")}">
<header><a class="brand" href="/">OpenWrt</a>
<ul class="nav" id="topmenu" style="display:none"></ul>
<div id="indicators" class="pull-right"></div></header>
<div id="maincontent" class="container"><div id="tabmenu" style="display:none"></div>
<script src="${env.resource}/luci.js"></script>
<script>L = new LuCI(${JSON.stringify(env).replaceAll("/", "\\/")});</script>
<div id="view"><div class="spinning">Loading view…</div>
<script>L.require('ui').then(function(ui) { ui.instantiateView('${node.action.path}'); });</script>
</div></div>
<footer><span>Powered by LuCI</span>
<ul class="breadcrumb pull-right" id="modemenu" style="display:none"></ul></footer>
<script>L.require('menu-bootstrap')</script></body></html>
`;
}
