/** The module `adit:policy`, as scripts import it. */
export { block, direct, notify, reconnect, redecide, via } from "./answers.js";
export type { AnswerOptions, ViaOptions } from "./answers.js";
export { byMac, byName, isRandomized, vendor } from "./device.js";
export { log, warn } from "./log.js";
export { balance, fastest, firstUp, leastLoaded, sticky } from "./picks.js";
export { definePolicy } from "./policy.js";
export { inPrefix } from "./prefix.js";
export { during, schedule } from "./schedule.js";
export type {
  Block, Device, DeviceEvent, Direct, Effect, Json, LocalTime, Location, LocationEvent,
  LocationState, Notify, Pick, Policy, PolicyEvent, PolicyFunctions, Reconnect, Redecide, Route,
  Scheduled, StartedEvent, Uplink, UplinkEvent, Vars, Via, WhenDown, Where, World,
} from "./types.js";
