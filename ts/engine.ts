/**
 * The only loop of the decider: what the mover says is folded, what users want is taken in, and the
 * settler makes the kernel agree. Everything that waits has a name in the table of deadlines.
 */
import { createHttpServer } from "./api/server.js";
import { createRoutes } from "./api/routes.js";
import type { ApiSocket } from "./engine/api-socket.js";
import { prepareApi } from "./engine/api-socket.js";
import { createBus } from "./engine/bus.js";
import { createAdvice } from "./engine/advice.js";
import { createConfiguration } from "./engine/configuration.js";
import type { Core } from "./engine/core.js";
import { afterMs, logWarning } from "./engine/core.js";
import type { Engine } from "./engine/engine-state.js";
import { EventBus } from "./engine/events.js";
import { beginLife } from "./engine/life.js";
import { Log } from "./engine/log.js";
import { reportMoves } from "./engine/moves.js";
import { onNews } from "./engine/news.js";
import type { Roles } from "./engine/role.js";
import { roleOf } from "./engine/role.js";
import { createService } from "./engine/service.js";
import type { SettleHooks } from "./engine/settle.js";
import { createSettler, noteIntent, whenSettled } from "./engine/settle.js";
import { createSwap } from "./engine/swap.js";
import { keepOriginals, noteFormerNames } from "./engine/state-files.js";
import { createTunnels } from "./engine/tunnels.js";
import type { Channel } from "./host/channel.js";
import { createChannel, receive, tell } from "./host/channel.js";
import { contractVersion } from "./host/contract.gen.js";
import { Deadlines } from "./host/deadlines.js";
import { Descriptors } from "./host/descriptors.js";
import type { Native } from "./host/native.js";
import type { Desired } from "./model/desired.js";
import { hasGateway } from "./model/features.js";
import type { Plan } from "./model/operation.js";
import type { Random } from "./model/random.js";
import { emptyObserved } from "./reconcile/fold.js";
import { createGateway } from "./roles/gateway.js";
import { createRouter } from "./roles/router.js";

/** What the C host calls; see c/vm. */
export interface Bundle {
  readonly start: () => void;
  readonly onMessage: (bytes: Uint8Array, fd: number) => void;
  readonly onDescriptor: (fd: number, readable: boolean, writable: boolean) => void;
  readonly onTimer: () => void;
  /** Monotonic time of the earliest deadline, Infinity if there is none. */
  readonly nextDeadlineMs: () => number;
}

/** How long a client's welcome waits for the forward table before it is sent anyway. */
const leaseKnownMsMax = 2_000;

export function createDecider(native: Native, random: Random): Bundle {
  const engine = createEngine(native, random);
  const { core } = engine;
  return {
    start: () => {
      const module = `adit ${native.hostVersion}`;
      tell(core.channel, { type: "hello", contract: contractVersion, module, role: "" });
    },
    onMessage: (bytes, fd) => receive(core.channel, bytes, fd),
    onDescriptor: (fd, readable, writable) => core.descriptors.onReady(fd, readable, writable),
    onTimer: () => core.deadlines.runDue(native.monotonicMs()),
    nextDeadlineMs: () => core.deadlines.nextMs(),
  };
}

function createCore(native: Native, random: Random, news: Channel["onNews"]): Core {
  const channel = createChannel(native, news);
  return {
    native,
    channel,
    deadlines: new Deadlines(),
    descriptors: new Descriptors(native),
    store: emptyObserved(),
    log: new Log(channel),
    events: new EventBus(() => native.wallMs()),
    cages: new Map(),
    random,
    counters: { operations: 0, plans: 0, repairs: 0, sessions: 0 },
    startedAtMs: native.monotonicMs(),
    facts: {
      ...{ configPath: "", runDir: "", testHooks: false, restarts: 0, lastDeath: "" },
      ...{ stateDir: "", module: "rom", trial: false, life: "" },
    },
    config: undefined,
    stopping: false,
    namesNoted: "{}",
    holdersNoted: "{}",
    uplinksKept: 0,
    files: new Map(),
    daysLeft: new Map(),
  };
}

function createEngine(native: Native, random: Random): Engine {
  const core = createCore(native, random, (message) => onNews(engine, message));
  const settler = createSettler(core, settleHooks(() => engine));
  const onChange = (why: string): void => {
    noteIntent(settler, why);
    engine.advice.note(why);
  };
  const tunnels = createTunnels(core, onChange);
  const onAdvice = (why: string): void => {
    noteIntent(settler, why);
    if (engine.phase === "running") reportMoves(engine, why);
  };
  const server = createHttpServer(core, (request, responder) => routes(request, responder));
  const api: ApiSocket = { core, server, open: undefined };
  const engine: Engine = {
    core,
    roles: createRoles(core, () => engine, onChange),
    settler,
    tunnels,
    advice: createAdvice(core, { tunnels, onChange: onAdvice }),
    swap: createSwap(),
    configuration: createConfiguration(core, (config, done) => prepareApi(api, config.api, done)),
    api,
    bus: createBus(core),
    originals: new Map(),
    held: [],
    heldExpected: 0,
    phase: "starting",
    moves: new Map(),
  };
  const routes = createRoutes(native, createService(engine));
  return engine;
}

function createRoles(
  core: Core,
  engineOf: () => Engine,
  onChange: (why: string) => void,
): Roles {
  const whenLeased = (done: () => void): void => whenKnown(engineOf(), done);
  return {
    router: createRouter(engineOf),
    gateway: hasGateway
      ? createGateway(core, { onChange, whenKnown: whenLeased }, engineOf)
      : undefined,
  };
}

function settleHooks(engineOf: () => Engine): SettleHooks {
  return {
    desire: () => desire(engineOf()),
    beforeApply: (plan, done) => {
      const { core, originals, roles } = engineOf();
      const { config } = core;
      if (core.stopping || config === undefined) return done(plan, "");
      return keepOriginals(core, originals, plan, (kept, problem) => {
        noteFormerNames(core, (unnoted) => {
          roleOf(roles, config).beforeApply(config, () => done(kept, problem || unnoted));
        });
      });
    },
    onSettled: () => {
      const { core, roles } = engineOf();
      beginLife(engineOf());
      if (core.config !== undefined) roleOf(roles, core.config).onSettled(core.config);
    },
    onRepaired: (plan) => tellRepair(engineOf().core, plan),
  };
}

function desire({ core, roles }: Engine): Desired {
  const { config, stopping } = core;
  if (config === undefined) throw new Error("nothing is configured");
  const role = roleOf(roles, config);
  return stopping ? role.desireStopped(config) : role.desire(config);
}

function tellRepair(core: Core, plan: Plan): void {
  const what = plan[0]?.why ?? "";
  const more = plan.length > 1 ? ` and ${plan.length - 1} more` : "";
  core.counters.repairs += 1;
  core.events.publish({ event: "repaired", operations: plan.length, what: `${what}${more}` });
  logWarning(core, `repaired after a change by others: ${plan.length} operations`);
  core.log.write("debug", `repaired: ${what}${more}`);
}

function whenKnown(engine: Engine, done: () => void): void {
  const { core, settler } = engine;
  let pending = true;
  const once = (): void => {
    if (pending) done();
    pending = false;
  };
  whenSettled(settler, settler.revision, true, once);
  if (!pending) return;
  const name = `lease ${settler.revision}`;
  afterMs(core, name, leaseKnownMsMax, "welcome a client anyway", once);
}
