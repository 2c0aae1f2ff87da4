'use strict';
'require baseclass';

/* What the views say, computed without a page: numbers, words, and what went wrong. */

/* uhttpd-mod-ubus reads no more of a request (UH_UBUS_MAX_POST_SIZE in its ubus.c). */
const postBytesMax = 65536;
/* The longest JSON-RPC number of a request that is reckoned with. */
const requestIdLongest = 999999999;

const ubusCodes = {
  1: _('Invalid command'),
  2: _('Invalid argument'),
  3: _('Method not found'),
  4: _('Not found'),
  5: _('No response'),
  6: _('Permission denied'),
  7: _('Timeout'),
  8: _('Not supported'),
  9: _('Unknown error'),
  10: _('Connection failed')
};
const ubusPermissionDenied = 6;
/* Without data of the daemon: the object went away after it had been looked up. */
const ubusNotFound = 4;
/* The mover answers so while no decider runs. */
const ubusConnectionFailed = 10;

const rpcObjectNotFound = -32000;
const rpcSessionNotFound = -32001;
const rpcAccessDenied = -32002;
const rpcTimedOut = -32003;

const locationWords = {
  up: [ 'good', _('up') ],
  idle: [ 'plain', _('idle: dials on the first packet') ],
  connecting: [ 'warn', _('connecting') ],
  down: [ 'bad', _('down') ],
  connected: [ 'good', _('connected') ],
  away: [ 'plain', _('away') ]
};

const daemonWords = {
  activating: [ 'warn', _('starting') ],
  active: [ 'good', _('running') ],
  deactivating: [ 'warn', _('stopping') ]
};

const scriptWords = {
  none: [ 'plain', _('no script') ],
  loading: [ 'warn', _('loading') ],
  running: [ 'good', _('running') ],
  paused: [ 'warn', _('paused: used too much processor time in this minute') ],
  failing: [ 'bad', _('failing: the last answers stay in force') ],
  degraded: [ 'bad', _('failed five times: it is tried once a minute') ]
};

const actionWords = {
  swap: _('swapped in'),
  confirm: _('confirmed'),
  rollback: _('rolled back'),
  remove: _('removed')
};

const originWords = {
  file: _('file of the configuration'),
  a: _('slot a'),
  b: _('slot b')
};

function digits(number) {
  return number >= 100 ? number.toFixed(0) : number.toFixed(1);
}

/* The number with the largest of `units` that keeps it at 1 or more. */
function scaled(number, base, units) {
  let unit = 0;
  while (number >= base && unit < units.length - 1) {
    number /= base;
    unit++;
  }
  return (unit === 0 ? String(Math.round(number)) : digits(number)) + ' ' + units[unit];
}

function wordOf(words, key) {
  return Object.hasOwn(words, key) ? words[key] : [ 'plain', String(key ?? '') ];
}

function isObject(value) {
  return typeof(value) === 'object' && value !== null && !Array.isArray(value);
}

function byteLength(text) {
  return new TextEncoder().encode(text).length;
}

return baseclass.extend({
  postBytesMax,

  bits(perSecond) {
    return scaled(perSecond, 1000, [ _('bit/s'), _('kbit/s'), _('Mbit/s'), _('Gbit/s') ]);
  },

  bytes(number) {
    return scaled(number, 1024, [ _('B'), _('KiB'), _('MiB'), _('GiB'), _('TiB') ]);
  },

  /* Two units at most: nobody wants the seconds of a day. */
  duration(ms) {
    const s = Math.max(0, Math.floor(ms / 1000));
    const parts = [
      [ Math.floor(s / 86400), _('%d d') ],
      [ Math.floor(s / 3600) % 24, _('%d h') ],
      [ Math.floor(s / 60) % 60, _('%d min') ],
      [ s % 60, _('%d s') ]
    ];
    const first = parts.findIndex(part => part[0] > 0);
    if (first < 0)
      return _('%d s').format(0);
    return parts.slice(first, first + 2).filter(part => part[0] > 0)
      .map(part => part[1].format(part[0])).join(' ');
  },

  /*
   * Bits per second between two looks at a location's counters, each { ms, rx, tx }; null if
   * that cannot be told: the first look, a new session, or another start of the daemon.
   */
  rate(before, after) {
    if (!before || after.ms <= before.ms || after.rx < before.rx || after.tx < before.tx)
      return null;
    const seconds = (after.ms - before.ms) / 1000;
    return {
      rx: (after.rx - before.rx) * 8 / seconds,
      tx: (after.tx - before.tx) * 8 / seconds
    };
  },

  location: state => wordOf(locationWords, state),
  daemon: state => wordOf(daemonWords, state),
  script: state => wordOf(scriptWords, state),
  action: name => (Object.hasOwn(actionWords, name) ? actionWords[name] : String(name)),
  origin: name => (Object.hasOwn(originWords, name) ? originWords[name] : String(name)),

  /* Where a device's traffic goes, as [ level, words ]. */
  way(device) {
    switch (device.outcome) {
    case 'tunnel':
      return [ 'good', _('through %s').format(device.location) ];
    case 'blocked':
      return [ 'bad', device.location
        ? _('blocked: waits for %s').format(device.location) : _('blocked') ];
    case 'direct':
      return [ 'warn', _('direct, past every tunnel') ];
    default:
      return [ 'plain', _('not managed by adit') ];
    }
  },

  /* The choice that a MAC rule makes for a device, or null if no rule of its own decides. */
  choice(device) {
    if (device.rule !== 'mac ' + device.mac)
      return null;
    if (device.outcome === 'direct')
      return 'direct';
    return device.location || null;
  },

  share: part => _('%d %%').format(Math.round(part * 100)),

  /* A wall clock time in the browser's zone. */
  time: ms => new Date(ms).toLocaleString(),

  /*
   * Bytes of the request that LuCI posts for one call. What JSON.stringify escapes is counted as
   * it is sent: scripts grow by their line ends and quotation marks.
   */
  requestBytes(object, method, args) {
    const session = '0'.repeat(32);
    return byteLength(JSON.stringify({
      jsonrpc: '2.0', id: requestIdLongest, method: 'call',
      params: [ session, object, method, args ]
    }));
  },

  /* Null if a call can be made from here, else why not and what does it. */
  tooLong(method, args) {
    const size = this.requestBytes('adit', method, args);
    if (size <= postBytesMax)
      return null;
    if (method === 'check')
      return _('The configuration is too long to be sent to the daemon before it is saved.');
    return _('The web server takes requests of at most %d bytes, and this script makes one of ' +
      '%d. Copy it to the router and run there: adit policy %s FILE')
      .format(postBytesMax, size, args.action);
  },

  issue(issue) {
    const got = issue.value ? _(', got %s').format(issue.value) : '';
    return (issue.path ? issue.path + ': ' : '') + _('expected %s').format(issue.expected) + got;
  },

  /*
   * What an answer of ubus says went wrong, or null. An answer is the object of the daemon, or
   * the status number of ubus if there was none.
   */
  failureOf(answer) {
    if (isObject(answer))
      return Number.isInteger(answer.code) && answer.description != null
        ? this.refusal(answer) : null;
    if (answer === ubusPermissionDenied)
      return { kind: 'denied', text: _('Your account has no permission for this.'), lines: [] };
    if (answer === ubusNotFound)
      return { kind: 'absent', text: ubusCodes[answer], lines: [] };
    if (answer === ubusConnectionFailed)
      return { kind: 'failed', lines: [],
        text: _('The logic of adit is being started again; packets go on as before.') };
    const code = Number.isInteger(answer) ? answer : 9;
    return { kind: 'failed', text: ubusCodes[code] ?? _('ubus status %d').format(code), lines: [] };
  },

  /* A failure in the words of the daemon. */
  refusal(answer) {
    const issues = Array.isArray(answer.issues) ? answer.issues : [];
    const lines = issues.map(issue => this.issue(issue));
    if (isObject(answer.error))
      lines.push('%s: %s'.format(answer.error.kind, answer.error.message),
        ...String(answer.error.stack ?? '').split('\n').filter(line => line.trim() !== ''));
    const cause = String(answer.cause ?? answer.description);
    return {
      kind: 'refused', text: lines.length === 1 && issues.length === 1 ? lines[0] : cause,
      lines: lines.length === 1 && issues.length === 1 ? [] : lines
    };
  },

  /* The failure that an exception of LuCI's rpc stands for. */
  failureOfError(error) {
    const message = String(error?.message ?? error);
    const code = Number(/failed with error (-?\d+)/.exec(message)?.[1]);
    switch (code) {
    case rpcObjectNotFound:
      return { kind: 'absent', text: message, lines: [] };
    case rpcAccessDenied:
      return { kind: 'denied', text: _('Your account has no permission for this.'), lines: [] };
    case rpcSessionNotFound:
      return { kind: 'denied', text: _('Your session has ended: please log in again.'), lines: [] };
    case rpcTimedOut:
      return { kind: 'failed', text: _('The daemon did not answer in time.'), lines: [] };
    default:
      return { kind: 'unreachable', text: message, lines: [] };
    }
  }
});
