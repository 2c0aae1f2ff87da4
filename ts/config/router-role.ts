/** A router's row among the roles. */
import type { RouterConfig } from "../model/config.js";
import { checkRouter } from "./checks.js";
import type { ConfigRole, Named } from "./role.js";
import { namesOf } from "./role.js";
import { buildRouter, ruleLists } from "./router.js";
import type { Findings } from "./walk.js";
import { addIssue } from "./walk.js";

export const routerRole: ConfigRole<RouterConfig> = {
  build: (section, api, found) => {
    const router = buildRouter(section, api, found.issues);
    checkRouter(router, found.issues);
    warnUnanswered(router, found);
    return router;
  },
  interfaces,
  secrets,
};

function warnUnanswered({ policy }: RouterConfig, found: Findings): void {
  const { file, ifnames, unanswered } = policy;
  if (file === "" || ifnames.length > 0 || unanswered !== "block") return;
  const expected = "an interface, or else a device without an answer is left alone";
  addIssue(found.warnings, "policy.ifnames", ifnames, expected);
}

function interfaces({ uplinks, lanIfnames, policy, rules }: RouterConfig): readonly Named[] {
  const more = policy.ifnames === lanIfnames ? [] : policy.ifnames;
  const ruled = rules.flatMap(({ match }) => (match.kind === "iface" ? [match.iface] : []));
  const { list = "", key = "" } = ruleLists.find(({ kind }) => kind === "iface") ?? {};
  return [
    ...namesOf("uplinks[]", uplinks),
    ...namesOf("lan_ifnames[]", lanIfnames),
    ...namesOf("policy.ifnames[]", more),
    ...namesOf(`${list}[].${key}`, ruled),
  ];
}

function secrets({ locations }: RouterConfig, file: string): readonly Named[] {
  const within = locations.findIndex(({ token }) => token !== undefined);
  const own = within < 0 ? [] : [{ path: `locations[${within}].token`, name: file }];
  const files = namesOf("locations[].token_file", locations.map((one) => one.tokenFile ?? ""));
  return [...files.filter(({ name }) => name !== ""), ...own];
}
