/**
 * Literate golden files: prose, and blocks between `-- Name --` and `-- End --`. Blocks happen in
 * order on one kernel. `Config`, `Facts` and `Rules` act; `Expect ...` compares what is computed
 * with what stands there. A plan that was expected is applied, so that the next one is the
 * difference.
 *
 * address IFACE PREFIX | neighbour IFACE ADDRESS MAC | gone ADDRESS | route DST IFACE GATEWAY state
 * LOCATION up|down|connecting|idle [NUMBER] the number makes inner addresses damage table|rules|tun
 * what somebody else did
 *
 * `Answer` is what a policy script said, one JSON object; the word `none` is a script that has not
 * answered yet.
 */
import assert from "node:assert";
import { parseConfig } from "../../../ts/config/parse.js";
import type { ParsedConfig } from "../../../ts/config/parse.js";
import { addRule, parseMatch, parseRule, removeRule } from "../../../ts/config/rules.js";
import type { Config, Issue, RouterConfig, Rule, RuleMatch } from "../../../ts/model/config.js";
import type { Desired } from "../../../ts/model/desired.js";
import type { LocationState, Observed } from "../../../ts/model/observed.js";
import type { Plan } from "../../../ts/model/operation.js";
import { readAdvice } from "../../../ts/policy/advice.js";
import type { HeldAdvice } from "../../../ts/policy/advise.js";
import { adviseConfig, holdAdvice, nothingHeld } from "../../../ts/policy/advise.js";
import { devicesOf } from "../../../ts/policy/device.js";
import { desireGateway } from "../../../ts/policy/gateway.js";
import { statesByName } from "../../../ts/policy/outcome.js";
import { desireRouter } from "../../../ts/policy/router.js";
import { desireStopped } from "./stop.js";
import { planChanges } from "../../../ts/reconcile/plan.js";
import { explain } from "../../../ts/render/explain.js";
import { planText } from "../../../ts/render/plan-text.js";
import { state, welcomeOf } from "./configs.js";
import { KernelModel, main, ours } from "./kernel-model.js";

interface Block {
  readonly name: string;
  readonly body: string;
}

/** The text with every expectation as it is computed. */
export function regenerate(text: string): string {
  const story = new Story();
  return text.replace(/^-- (.+) --\n([\s\S]*?)^-- End --$/gm, (_, name: string, body: string) => {
    const result = story.run({ name, body });
    return `-- ${name} --\n${result ?? body}-- End --`;
  });
}

class Story {
  private parsed: ParsedConfig = {
    config: undefined, role: undefined, issues: [], warnings: [], isEnabled: true,
  };
  private config: Config | undefined;
  private readonly kernel = new KernelModel();
  private states: LocationState[] = [];
  private plan: Plan = [];
  private held: HeldAdvice | undefined;
  private hasScript = false;
  private issues: readonly Issue[] = [];

  /** The text of an expectation, undefined for a block that acts. */
  run({ name, body }: Block): string | undefined {
    const expected = /^Expect (\S+) ?(.*)$/.exec(name);
    if (expected) return this.expectation(expected[1] ?? "", expected[2] ?? "");
    const lines = body.trimEnd().split("\n");
    if (name === "Config") this.configure(body);
    else if (name === "Facts") lines.forEach((line) => this.fact(line.split(" ")));
    else if (name === "Answer") this.answer(body.trim());
    else if (name === "Rules") lines.forEach((line) => this.rule(line.split(" ")));
    else assert.fail(`golden block ${name}`);
    return undefined;
  }

  private configure(body: string): void {
    this.parsed = parseConfig(body);
    this.config = this.parsed.config;
  }

  private answer(text: string): void {
    const names = new Set(this.router().locations.map(({ name }) => name));
    const advice = text === "none" ? undefined : readAdvice(JSON.parse(text), names);
    this.issues = advice?.issues ?? [];
    const asked = this.kernel.neighbours;
    if (advice !== undefined) this.held = holdAdvice(this.held ?? nothingHeld, advice, asked);
    this.hasScript = true;
  }

  /** The configuration with what the script said. */
  private inForce(): RouterConfig {
    const config = this.router();
    return this.hasScript ? adviseConfig(config, this.held, statesByName(this.states)) : config;
  }

  private router(): RouterConfig {
    assert.ok(this.config?.role === "router");
    return this.config;
  }

  private fact([kind = "", first = "", second = "", third = ""]: string[]): void {
    const { kernel } = this;
    if (kind === "address") kernel.addresses.push({ ifname: first, prefix: second });
    else if (kind === "neighbour") {
      kernel.neighbours.push({ ifname: first, addr: second, mac: third });
    } else if (kind === "gone") {
      kernel.neighbours = kernel.neighbours.filter((row) => row.addr !== first);
    } else if (kind === "route") {
      const common = { table: main, metric: 1_024, kind: 1, scope: 0, source: "", protocol: 3 };
      kernel.routes.push({ ...common, dst: first, oif: second, gateway: third });
    } else if (kind === "state") {
      const welcome = third === "" ? undefined : welcomeOf(Number(third));
      const row = state(first, second as LocationState["state"], welcome);
      this.states = [...this.states.filter((old) => old.name !== first), row];
    } else if (kind === "damage") damage(kernel, first);
    else assert.fail(`golden fact ${kind}`);
  }

  private rule([verb = "", kind = "", subject = "", vl = "", whenDown]: string[]): void {
    if (verb === "unprotect") {
      this.config = removeRule(this.router(), parseMatch(kind, subject) as RuleMatch);
    } else {
      const rule = parseRule(kind, subject, vl, whenDown);
      assert.ok(verb === "protect" && !Array.isArray(rule), JSON.stringify(rule));
      this.config = addRule(this.router(), rule as Rule);
    }
  }

  /** What a decider sees that was the first of its kind: no flow goes by what another one did. */
  private observe(): Observed {
    return { ...this.kernel.observe(), isHeir: false };
  }

  private desire(): Desired {
    const observed = this.observe();
    const { config } = this;
    assert.ok(config !== undefined, JSON.stringify(this.parsed.issues));
    if (config.role === "router") return desireRouter(this.inForce(), observed, this.states, 0);
    return desireGateway(config, observed, []);
  }

  private expectation(what: string, argument: string): string {
    switch (what) {
      case "issues":
        return issuesText(this.parsed.issues);
      case "answer-issues":
        return issuesText(this.issues);
      case "warnings":
        return issuesText(this.parsed.warnings);
      case "firewall":
        return this.desire().firewall?.script ?? "none\n";
      case "plan":
        return this.applied(planChanges(this.desire(), this.observe()));
      case "transaction":
        return this.transaction();
      case "stop": {
        const found = new Map(new KernelModel().sysctls);
        const observed = this.observe();
        const stopped = desireStopped(this.config as Config, observed, found);
        return this.applied(planChanges(stopped, observed));
      }
      case "explain":
        return jsonText(explain(this.inForce(), this.observe(), this.states, argument));
      case "devices":
        return devicesOf(this.inForce(), this.observe(), this.states).map(jsonLine).join("");
      default:
        return assert.fail(`golden expectation ${what}`);
    }
  }

  private applied(plan: Plan): string {
    this.plan = plan;
    for (const { operation } of plan) if (operation.kind !== "listen") this.kernel.apply(operation);
    return planText(plan);
  }

  private transaction(): string {
    const texts = this.plan.map(({ operation }) =>
      operation.kind === "firewall" ? operation.script : "",
    );
    return texts.join("") || "none\n";
  }
}

function damage(kernel: KernelModel, what: string): void {
  if (what === "table") kernel.nft = undefined;
  if (what === "tun") kernel.closeTun();
  if (what === "rules") kernel.rules = kernel.rules.filter((rule) => rule.protocol !== ours);
}

function issuesText(issues: readonly Issue[]): string {
  const lines = issues.map(({ path, value, expected }) => {
    return `${path}: ${value === "" ? "missing" : value}; expected ${expected}\n`;
  });
  return lines.join("") || "none\n";
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
