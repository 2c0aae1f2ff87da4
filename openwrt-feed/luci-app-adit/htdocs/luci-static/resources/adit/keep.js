'use strict';
'require baseclass';
'require dom';
'require form';

/*
 * LuCI's form fields write what they show: a list writes its first choice where it does not know
 * the value, a field deletes what equals its default, and a flag makes 0 of `yes`. Here a field
 * that its user did not touch leaves the configuration as it is, whatever stands there and however
 * LuCI shows it.
 */

/* The words that the daemon takes for yes: see docs/uci.md. */
const yes = [ '1', 'on', 'true', 'yes', 'enabled' ];

/* Of an option that stands twice the last one counts. */
const last = value => (Array.isArray(value) ? value[value.length - 1] : value);
const same = (left, right) => JSON.stringify(left ?? null) === JSON.stringify(right ?? null);

/* A value that is none of the choices becomes one, so that it can be seen. */
function addChoice(option, value) {
  if (value != null && value !== '' && !(option.keylist ?? []).map(String).includes(value))
    option.value(value, _('%s (unknown)').format(value));
}

/* What a widget is to show of a value. */
function shownOf(option, value) {
  if (option instanceof form.Flag && value != null)
    return yes.includes(last(value)) ? option.enabled : option.disabled;
  return option instanceof form.ListValue ? last(value) : value;
}

return baseclass.extend({
  last,

  /* To be called once for an option, after everything else of it was set. */
  option(option) {
    const { load, renderWidget, parse } = option;
    /* By section: what stood there, and what the field showed of it at first. LuCI's copies of an
     * option for its dialogs share both. */
    const stood = {};
    const shown = {};

    option.load = function(section) {
      stood[section] = this.map.data.get(this.map.config, section, this.option);
      return load.call(this, section);
    };

    option.renderWidget = function(section, index, value) {
      if (this instanceof form.ListValue)
        addChoice(this, last(value));
      const node = renderWidget.call(this, section, index, shownOf(this, value));
      shown[section] = dom.callClassMethod(node, 'getValue');
      return node;
    };

    option.parse = function(section) {
      const element = this.getUIElement(section);
      if (element == null || !same(element.getValue(), shown[section]))
        return parse.call(this, section);
      /* An earlier attempt to save may have left something else. */
      return Promise.resolve(this.putBack(section));
    };

    /* Makes the configuration say again what it said when the field was filled. */
    option.putBack = function(section) {
      const { config, data } = this.map;
      if (section in stood && !same(data.get(config, section, this.option), stood[section]))
        data.set(config, section, this.option, stood[section] ?? null);
    };
  }
});
