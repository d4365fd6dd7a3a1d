// Keyboard navigation: everything can be opened without a mouse (docs/dashboard.md lists the keys).
import { toggleStar } from "./annotation.js";
import { close, hasBeside, isOpen, select } from "./beside.js";
import { goOut } from "./places.js";
import { nextTheme } from "./themes.js";

const STOPS = "tr.row a.open, .stop > summary, .stop-fold > summary, a.stop";
const PLACES = {
  s: "/sessions", c: "/calls", r: "/calls", o: "/overview", p: "/prompts", l: "/leaks", h: "/health",
};
// Milliseconds that a row must stay selected before it is shown beside the list.
const PAUSE = 140;
let going = false;

function stops() {
  const root = document.getElementById("main");
  return [...root.querySelectorAll(STOPS)].filter((each) => each.offsetParent !== null);
}

function move(by) {
  const all = stops();
  if (!all.length) return;
  const held = document.activeElement;
  let at = all.indexOf(held);
  if (at < 0) {
    const chosen = document.querySelector("tr.selected a.open, .step.selected a.to-call");
    at = chosen ? all.indexOf(chosen) : all.findIndex((each) => each.getBoundingClientRect().top >= 0) - (by > 0 ? 1 : 0);
  }
  const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  if (isOpen() && hasBeside()) showBeside(next, PAUSE);
}

function showBeside(link, wait = 0) {
  const key = link.closest("tr.row")?.dataset.key || link.dataset.call;
  if (key) select(link.href, key, { wait });
  return Boolean(key);
}

function openHere() {
  const held = document.activeElement;
  if (held?.matches("summary")) held.parentElement.open = !held.parentElement.open;
  else if (held?.matches("tr.row a.open, a.to-call") && hasBeside()) showBeside(held);
  else if (hasBeside() && stops().length) {
    move(1);
    showBeside(document.activeElement);
  }
}

function go(address) {
  if (address) location.assign(address);
}

function help() {
  const dialog = document.getElementById("help");
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

function search() {
  const field = document.getElementById("q");
  field.focus();
  field.select();
}

function tab(number) {
  if (document.body.dataset.page === "session") {
    const name = ["costliest", "slowest", "largest", "missed", "failed"][number - 1];
    go(document.querySelector(`a[data-jump="${name}"]`)?.href);
    return;
  }
  const link = document.querySelectorAll(".tabs-list a")[number - 1];
  if (link) go(link.href);
}

function out() {
  if (isOpen()) {
    const held = document.querySelector("tr.selected a.open, .step.selected a.to-call");
    close();
    held?.focus({ preventScroll: true });
  } else goOut();
}

const ACTIONS = {
  j: () => move(1),
  k: () => move(-1),
  o: openHere,
  s: toggleStar,
  "/": search,
  "?": help,
  t: nextTheme,
  g: () => {
    going = true;
    setTimeout(() => (going = false), 1200);
  },
  p: () => go(document.body.dataset.diff),
  "[": () => go(document.body.dataset.previous),
  "]": () => go(document.body.dataset.next),
  Escape: out,
};

function typing(target) {
  return target.closest("input, select, textarea, [contenteditable]") !== null;
}

// If a column scrolls by itself, scrolling keys apply to it unless another element has the focus.
const SCROLLING = new Set(["PageDown", "PageUp", "ArrowDown", "ArrowUp", "Home", "End", " "]);

function pressed(event) {
  if (SCROLLING.has(event.key) && document.activeElement === document.body) {
    document.getElementById("main").focus({ preventScroll: true });
  }
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.getElementById("help").open) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const place = going && PLACES[event.key];
  going = false;
  const action = place ? () => go(place) : /^[1-9]$/.test(event.key) ? () => tab(Number(event.key)) : ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

export function listenForKeys() {
  document.addEventListener("keydown", pressed);
  const button = document.getElementById("help-button");
  button.hidden = false;
  button.addEventListener("click", help);
  if (location.hash === "#q") search();
}
