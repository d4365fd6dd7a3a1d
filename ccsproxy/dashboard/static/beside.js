// Shows the selected item beside the list: fetches it as a part of its page, and keeps the selection in the address.
import { localTimes, showButtons } from "./texts.js";
import { fetchDocument, withPart } from "./parts.js";

const place = document.getElementById("beside");
const MOST_NARROW = matchMedia("(max-width: 63.9rem)");
let wanted = "";
let due = 0;

export function hasBeside() {
  return place !== null && !MOST_NARROW.matches;
}
export function isOpen() {
  return place !== null && !place.hidden;
}

function parameter() {
  return document.body.dataset.page === "session" ? "call" : "sel";
}
function selectedIn(address) {
  return new URL(address, location.href).searchParams.get(parameter());
}

function put(key) {
  const url = new URL(location.href);
  if (key) url.searchParams.set(parameter(), key);
  else url.searchParams.delete(parameter());
  // Back closes the selected item; moving on in the list adds no history entry.
  const opening = key && !selectedIn(location.href);
  history[opening ? "pushState" : "replaceState"]({ beside: opening || Boolean(history.state?.beside) }, "", url);
}

function mark(key) {
  for (const row of document.querySelectorAll("[aria-selected], .selected")) {
    row.classList.remove("selected");
  }
  if (!key) return;
  const row = document.querySelector(`tr[data-key="${CSS.escape(key)}"], article.step[data-key="${CSS.escape(key)}"]`);
  row?.classList.add("selected");
}

function show() {
  place.hidden = false;
  document.body.classList.add("has-beside");
  localTimes(place);
  showButtons(place);
  const close = document.getElementById("close-beside");
  if (close) close.hidden = false;
}

async function load(address, key) {
  wanted = key;
  const query = new URLSearchParams(location.search).get("q");
  let found;
  try {
    found = await fetchDocument(withPart(address, "beside", query ? { q: query } : {}));
  } catch {
    return;
  }
  if (wanted !== key) return;
  place.replaceChildren(...[...found.body.childNodes].map((node) => document.adoptNode(node)));
  show();
  const hit = place.querySelector("#hit");
  if (hit) hit.scrollIntoView({ block: "center" });
  else place.scrollTop = 0;
}

export function select(address, key, { wait = 0 } = {}) {
  mark(key);
  put(key);
  clearTimeout(due);
  if (wait) due = setTimeout(() => load(address, key), wait);
  else load(address, key);
}

export function close() {
  wanted = "";
  clearTimeout(due);
  place.hidden = true;
  place.replaceChildren();
  document.body.classList.remove("has-beside");
  mark("");
  if (selectedIn(location.href)) put("");
}

function addressOf(key) {
  const segment = (text) => encodeURIComponent(text);
  if (document.body.dataset.page === "session") return `/x/${segment(document.body.dataset.sid)}/${key}`;
  const [sid, seq] = key.split("/");
  return seq ? `/x/${segment(sid)}/${seq}` : `/s/${segment(sid)}`;
}

export function startBeside() {
  if (!place) return;
  const key = selectedIn(location.href);
  if (key && isOpen()) {
    mark(key);
    show();
    document.querySelector(".selected")?.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("click", clicked);
  document.addEventListener("dblclick", (event) => {
    const link = event.target.closest("tr.row")?.querySelector("a.open");
    if (link) location.assign(link.href);
  });
  addEventListener("popstate", () => {
    const chosen = selectedIn(location.href);
    if (!chosen) close();
    else {
      mark(chosen);
      load(addressOf(chosen), chosen);
    }
  });
}

function clicked(event) {
  if (event.target.closest("#close-beside")) {
    close();
    return;
  }
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.defaultPrevented) return;
  const row = event.target.closest("tr.row");
  const link = row ? row.querySelector("a.open") : event.target.closest("a.to-call");
  if (!link || (row && event.target.closest("a") && event.target.closest("a") !== link)) return;
  // Enter on the link opens the full page, and so does a click if there is no room beside the list.
  const byKey = event.detail === 0 && event.target.closest("a") === link;
  if (byKey) return;
  if (row && getSelection().toString()) return;
  if (!hasBeside()) {
    if (event.target.closest("a") !== link) link.click();
    return;
  }
  event.preventDefault();
  link.focus({ preventScroll: true });
  select(link.href, row ? row.dataset.key : link.dataset.call);
}
