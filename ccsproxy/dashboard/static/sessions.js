// Updates pages of figures: requests the list of sessions and the overview again after calls have ended.
import { localTimes } from "./texts.js";
import { fetchDocument } from "./parts.js";
import { gathered, watch } from "./live.js";

const AFTER = Number(document.getElementById("live-part")?.dataset.after) || 1500;

// Replaces the content by the server's new version; the focused row and the scroll position are kept.
const refresh = gathered(async () => {
  if (document.hidden) return;
  const found = await fetchDocument(location.href);
  const held = document.activeElement?.closest("tr.row")?.dataset.key;
  for (const id of ["sums", "rows", "live-part"]) {
    const [old, fresh] = [document.getElementById(id), found.getElementById(id)];
    if (!old || !fresh || old.textContent === fresh.textContent) continue;
    localTimes(fresh);
    old.replaceChildren(...[...fresh.childNodes].map((node) => document.adoptNode(node)));
  }
  if (found.getElementById("rows") && !document.getElementById("rows")) location.reload();
  if (held) document.querySelector(`tr[data-key="${CSS.escape(held)}"] a.open`)?.focus({ preventScroll: true });
  const key = new URLSearchParams(location.search).get("sel");
  if (key) document.querySelector(`tr[data-key="${CSS.escape(key)}"]`)?.classList.add("selected");
}, AFTER);

for (const name of ["request_started", "request_completed", "lagged", "budget"]) {
  document.addEventListener(`live-${name}`, refresh);
}
watch();
