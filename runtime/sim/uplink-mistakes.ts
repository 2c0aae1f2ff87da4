/** Planted mistakes about uplinks, and about connections that come in by them. */
import { rtn, table } from "./constants.js";
import type { Mistake } from "./mistakes.js";
import { onMover, skip } from "./mistake-tools.js";

const MARK_OF_SECOND = 0x78000000;
const OWN_MARK = 0x7f000000;
const CHAIN = "\n  chain ";
const RESTART = "a restarted decider changes nothing";

/** The comments stay, by which rules are known when they are read back. */
function altered(what: RegExp, into: string): Mistake["plant"] {
  return onMover((mover) => {
    mover.rewrite = (script) => script.replace(what, into);
  });
}

const mistakes: readonly Mistake[] = [
  {
    name: "nobody-is-answered",
    plant: altered(/(ct state new ct mark set ct mark & \S+) \| 0x7[78]000000/g, "$1 | 0x00000000"),
    found: ["who asks by an uplink is answered by it"],
  },
  // As if there were one uplink: what came by the second is answered by the first.
  {
    name: "answers-by-the-first",
    plant: altered(/(ct mark set .* \|) 0x78000000/g, "$1 0x77000000"),
    found: ["an answer leaves by no other uplink than the one that was asked"],
  },
  {
    name: "beginnings-are-answers",
    plant: altered(/tcp flags & \(syn \| ack\) == syn return/g, "counter"),
    found: ["what a device begins is no answer"],
  },
  {
    name: "every-reply-is-an-answer",
    plant: altered(/ct direction reply ct status dnat/g, "ct direction reply"),
    found: ["only a forwarded port is answered"],
  },
  {
    name: "shut-is-open",
    plant: onMover((mover) => {
      mover.rewrite = (script) => script.split(CHAIN).map(withoutShutting).join(CHAIN);
    }),
    found: ["who may not answer does not"],
  },
  {
    name: "expected-is-asked",
    plant: altered(/(ct state related .*) ct mark set ct mark & \S+/g, "$1 counter"),
    found: ["what was not begun outside is not answered there"],
  },
  {
    name: "decrypted-leaves",
    plant: altered(/(oifname != @inward|ip6? daddr @own[46]) drop/g, "$1 accept"),
    found: ["what comes out of a tunnel goes where devices are"],
  },
  {
    name: "second-has-no-rule",
    plant: skip((message) => message.type === "rule_set" && message.fwmark === MARK_OF_SECOND),
    found: ["what is bound to an uplink leaves by no other", RESTART],
  },
  {
    name: "ways-without-end",
    plant: skip((message) =>
      message.type === "route_set" && message.table > table.LOCAL
        && message.kind === rtn.UNREACHABLE),
    found: ["a table ends in unreachable before a rule"],
  },
  {
    name: "sockets-unbound",
    plant: onMover((mover) => {
      mover.bind = (wanted) => ({ ...wanted, device: "", mark: OWN_MARK });
    }),
    found: ["a tunnel leaves an uplink that carries nothing"],
  },
];

/** A chain that must not give answers goes on in the one that may. */
function withoutShutting(chain: string): string {
  const name = /^(loc_\d+|guarded)_shut /.exec(chain)?.[1];
  if (name === undefined) return chain;
  const marks = /meta mark set \S+ \S+ & \S+ \| \S+/;
  return chain.replace(name === "guarded" ? /oifname "wrt0" accept/ : marks, `goto ${name}`);
}

export const uplinkMistakes: readonly Mistake[] = mistakes.map((one) => ({ ...one, second: true }));
