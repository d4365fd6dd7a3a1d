// Stores each page's scroll position and the previous page, so that Esc and Back return to the same row.
const KEY = "places";
const restoring = "restore-place";

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) || [];
  } catch {
    return [];
  }
}
function write(places) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(places.slice(-6)));
  } catch {
    // Without storage, Esc leads to the page that the server sets.
  }
}

function level() {
  return Number(document.body.dataset.level) || 1;
}

function scrollers() {
  return [document.querySelector(".side"), document.getElementById("main"), document.scrollingElement];
}

// The pages above this one, the topmost first.
function outer() {
  return read().filter((place) => place.level < level());
}

export function keepPlaces() {
  write(outer());
  restore();
  addEventListener("pagehide", keep);
}

function keep() {
  const own = { level: level(), href: location.href, scroll: scrollers().map((each) => each?.scrollTop || 0) };
  write([...outer(), own]);
  try {
    sessionStorage.setItem(`scroll ${location.href}`, JSON.stringify(own.scroll));
  } catch {
    // Back then leads to the top of the page.
  }
}

function restore() {
  const navigated = performance.getEntriesByType("navigation")[0]?.type;
  let wanted = navigated === "back_forward" || navigated === "reload";
  let scroll = null;
  try {
    wanted ||= sessionStorage.getItem(restoring) === location.href;
    sessionStorage.removeItem(restoring);
    scroll = JSON.parse(sessionStorage.getItem(`scroll ${location.href}`));
  } catch {
    return;
  }
  if (!wanted || !scroll) {
    land();
    return;
  }
  scrollers().forEach((each, at) => each && (each.scrollTop = scroll[at] || 0));
}

// Scrolls to the first match of a search, or to the step in the address, and unfolds the texts around it.
function land() {
  const hit = document.getElementById("hit");
  const named = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  const target = named || hit;
  if (!target) return;
  for (let at = target.closest("details"); at; at = at.parentElement?.closest("details")) at.open = true;
  target.scrollIntoView({ block: named ? "start" : "center" });
  if (named) named.classList.add("landed");
}

export function goOut() {
  const place = outer().at(-1);
  const href = place?.href || document.body.dataset.back;
  if (!href) return;
  try {
    if (place) sessionStorage.setItem(restoring, place.href);
  } catch {
    // The page then starts at the top.
  }
  location.assign(href);
}
