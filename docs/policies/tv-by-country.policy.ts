/**
 * Televisions by country: each screen watches from the country that its owner chose, whatever the
 * rest of the home does.
 */
import { byName, definePolicy, fastest, sticky, via } from "adit:policy";

interface Vars {
  /** DHCP name of a screen to the location it watches from. */
  readonly screens: Readonly<Record<string, string>>;
}

const anyPlace = sticky(fastest("us", "gb", "de"));

export default definePolicy<Vars>({
  version: 1,
  route(device, { vars }) {
    const country = vars.screens[device.name ?? ""];
    // A film that stops is better than one from the wrong country: services ban for that.
    if (country !== undefined) {
      return via(country, { whenDown: "block", why: `watches ${country}` });
    }
    // A screen without a country may go anywhere, but shall not move in the middle of a film.
    if (byName(device, "tv-*", "*chromecast*", "appletv*", "roku-?")) return via(anyPlace);
    return via("de", { whenDown: "direct" });
  },
});
