// Common to every page: local times, theme, copying, keys, the selected item, spending and calls in progress.
import { startAnnotation } from "./annotation.js";
import { startBeside } from "./beside.js";
import { startColumns } from "./columns.js";
import { startCompletion } from "./complete.js";
import { listenForKeys } from "./keys.js";
import { fetchDocument } from "./parts.js";
import { startDropping } from "./drop.js";
import { keepPlaces } from "./places.js";
import { listenForCopying, localTimes, showButtons } from "./texts.js";
import { chooseTheme } from "./themes.js";

localTimes(document);
showButtons(document);
listenForCopying();
chooseTheme(document.getElementById("theme"));
startColumns();
startCompletion(document.getElementById("q"));
startAnnotation();
startBeside();
startDropping();
listenForKeys();
keepPlaces();

async function pulse() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/api/health", { headers: { accept: "application/json" } });
    const health = await answer.json();
    if (health.in_flight != null) document.getElementById("in-flight").textContent = String(health.in_flight);
    document.getElementById("away").hidden = true;
  } catch {
    // The figures on the page are those of the last answer.
    document.getElementById("away").hidden = false;
  }
}
let spentAt = 0;
async function spent() {
  if (document.hidden || Date.now() - spentAt < 4500) return;
  spentAt = Date.now();
  try {
    const found = (await fetchDocument("/spent")).getElementById("spent");
    if (found) document.getElementById("spent").replaceChildren(...found.childNodes);
  } catch {
    // It is requested again later.
  }
}
let due = 0;
setInterval(pulse, 5000);
document.addEventListener("ccsproxy-changed", () => {
  if (!due) due = setTimeout(() => ((due = 0), pulse(), spent()), 250);
});
document.addEventListener("visibilitychange", pulse);
// Pages that receive live events update the figure at once.
document.addEventListener("pulse", pulse);
