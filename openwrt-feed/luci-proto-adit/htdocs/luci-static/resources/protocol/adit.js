'use strict';
'require network';

/*
 * The TUN of adit among the interfaces of OpenWrt. The daemon makes the device and owns addresses
 * and routes on it, so there is nothing to set here; the interface is for the firewall to name.
 */

return network.registerProtocol('adit', {
  getI18n: () => _('Tunnels of adit'),

  getIfname() {
    return this._ubus('l3_device') || null;
  },

  getPackageName: () => 'adit',
  /* As older versions of LuCI ask. */
  getOpkgPackage: () => 'adit',

  isFloating: () => true,
  isVirtual: () => true,
  getDevices: () => null,

  containsDevice(device) {
    return network.getIfnameOf(device) === this.getIfname();
  },

  renderFormOptions() {}
});
