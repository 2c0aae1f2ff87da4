'use strict';
'require adit.call as call';
'require baseclass';
'require dom';
'require ui';

/*
 * Pieces of pages. Whatever is shown may have been written by a stranger (names of devices come
 * from DHCP), so children are always arrays: LuCI makes text nodes of their strings, while a bare
 * string would be read as HTML.
 */

const svgSpace = 'http://www.w3.org/2000/svg';
const graphWidth = 120;
const graphHeight = 40;

function svg(tag, attributes) {
  const node = document.createElementNS(svgSpace, tag);
  for (const name of Object.keys(attributes))
    node.setAttribute(name, attributes[name]);
  return node;
}

/* Samples as points of a polyline, the latest at the right edge. */
function pointsOf(values, most, length) {
  const step = graphWidth / Math.max(1, length - 1);
  const start = graphWidth - step * (values.length - 1);
  return values.map((value, i) => {
    const y = graphHeight - 1 - (graphHeight - 2) * value / most;
    return (start + step * i).toFixed(1) + ',' + y.toFixed(1);
  }).join(' ');
}

return baseclass.extend({
  pointsOf,

  sheet: () => E('link', { 'rel': 'stylesheet', 'href': L.resource('adit/adit.css') }),

  badge: ([ level, words ]) => E('span', { 'class': 'adit-badge ' + level }, [ words ]),

  /*
   * A table of rows, each { key, cells } with one cell (text, node, or list of them) for each
   * title. On a phone the titles stand before the cells.
   */
  table(label, titles, rows, empty) {
    const head = E('tr', { 'class': 'tr table-titles' },
      titles.map(title => E('th', { 'class': 'th', 'scope': 'col' }, [ title ])));
    const body = rows.map(({ key, cells }) => E('tr', { 'class': 'tr', 'data-key': key },
      cells.map((cell, i) => E('td', { 'class': 'td adit-word', 'data-title': titles[i] },
        [ cell ].flat()))));
    if (rows.length === 0)
      body.push(E('tr', { 'class': 'tr placeholder' }, [
        E('td', { 'class': 'td', 'colspan': titles.length }, [ E('em', {}, [ empty ]) ])
      ]));
    return E('table', { 'class': 'table adit-table', 'aria-label': label }, [ head, ...body ]);
  },

  /* Names and what belongs to them, in two columns. */
  facts(label, pairs) {
    return E('table', { 'class': 'table', 'aria-label': label }, pairs.map(([ name, value ]) =>
      E('tr', { 'class': 'tr' }, [
        E('th', { 'class': 'td left', 'scope': 'row', 'width': '33%' }, [ name ]),
        E('td', { 'class': 'td left adit-word' }, [ value ].flat())
      ])));
  },

  section(title, ...children) {
    return E('div', { 'class': 'cbi-section' }, [ E('h3', {}, [ title ]), ...children ]);
  },

  /* Both directions over time, on one scale; the numbers beside it say the same in words. */
  graph(samples, length) {
    const most = Math.max(1, ...samples.map(({ rx, tx }) => Math.max(rx, tx)));
    const picture = svg('svg', {
      'class': 'adit-graph', viewBox: '0 0 %d %d'.format(graphWidth, graphHeight),
      preserveAspectRatio: 'none', 'aria-hidden': 'true'
    });
    for (const way of [ 'rx', 'tx' ])
      picture.appendChild(svg('polyline', {
        'class': 'adit-' + way,
        points: pointsOf(samples.map(sample => sample[way]), most, length)
      }));
    return picture;
  },

  /* What went wrong, and what to do about it. */
  banner(failure) {
    const lines = failure.lines.length > 0
      ? [ E('pre', { 'class': 'adit-lines' }, [ failure.lines.join('\n') ]) ] : [];
    if (failure.kind !== 'absent')
      return E('div', { 'class': 'alert-message warning', 'role': 'alert' }, [
        E('p', { 'class': 'adit-word' }, [ failure.text ]), ...lines
      ]);
    return E('div', { 'class': 'alert-message warning', 'role': 'alert' }, [
      E('h4', {}, [ _('adit is not running') ]),
      E('p', {}, [ _('Nobody answers for adit on ubus. After a crash the devices that it ' +
        'protects are blocked; after an ordinary stop the setting “When adit stops” decides. ' +
        'It starts only if it is enabled in the settings; on the command line:') ]),
      E('pre', { 'class': 'adit-lines' }, [
        'uci set adit.main.enabled=1; uci commit adit\nservice adit start\nlogread -e adit'
      ]),
      E('div', { 'class': 'adit-buttons' }, [
        E('button', {
          'class': 'btn cbi-button cbi-button-action', 'disabled': this.isReadOnly() || null,
          'click': ui.createHandlerFn(this, 'start')
        }, [ _('Start adit') ]),
        E('a', { 'class': 'btn cbi-button', 'href': L.url('admin/vpn/adit/setup') }, [
          _('Setup')
        ])
      ])
    ]);
  },

  /* Says above a form why it is not saved. */
  complain(place, words) {
    place.querySelector('.adit-complaint')?.remove();
    place.prepend(E('div', { 'class': 'alert-message warning adit-complaint', 'role': 'alert' }, [
      E('pre', { 'class': 'adit-lines' }, [ words ])
    ]));
  },

  start() {
    return call.start().then(result => {
      if (result.code !== 0)
        this.tell([ 'bad', _('The start failed: %s').format(result.stderr || result.code) ]);
    }, error => this.tell([ 'bad', _('The start failed: %s').format(error.message) ]));
  },

  /* Says what an action came to, in a place that screen readers announce. */
  tell([ level, words ], lines) {
    const kind = { good: 'info', plain: 'info' }[level] ?? 'warning';
    const note = [ E('p', { 'class': 'adit-word' }, [ words ]) ];
    if (lines?.length > 0)
      note.push(E('pre', { 'class': 'adit-lines' }, [ lines.join('\n') ]));
    this.forget();
    const message = ui.addNotification(null, note, kind);
    message.classList.add('adit-told');
    message.setAttribute('role', level === 'bad' ? 'alert' : 'status');
  },

  /* Removes what was told before, so that the present is not hidden below it. */
  forget() {
    for (const old of document.querySelectorAll('.adit-told'))
      old.remove();
  },

  isReadOnly: () => L.hasViewPermission() === false,

  /*
   * Replaces what a place shows and gives the focus back to the button that had it, which is
   * found by its `data-focus`. A place that would look the same is left alone, and so is one in
   * which a list is open.
   */
  show(place, state, build) {
    const shown = JSON.stringify(state);
    const active = document.activeElement;
    if (place.dataset.shown === shown)
      return;
    if (active?.tagName === 'SELECT' && place.contains(active))
      return;
    const focus = place.contains(active) ? active.dataset.focus : undefined;
    const open = [ ...place.querySelectorAll('details[open]') ].map(one => one.dataset.key);
    place.dataset.shown = shown;
    dom.content(place, build());
    for (const details of place.querySelectorAll('details'))
      details.open = details.open || open.includes(details.dataset.key);
    if (focus !== undefined)
      this.focus(place, focus);
  },

  focus(place, name) {
    [ ...place.querySelectorAll('[data-focus]') ]
      .find(node => node.dataset.focus === name)?.focus();
  }
});
