// Updates the list of requests: rows appear when a request begins, show its duration, and are completed when it ends.
import { dollars, duration, localTime, percent, tokens, UNKNOWN } from "./format.js";
import { fetchDocument, withPart } from "./parts.js";
import { gathered, watch } from "./live.js";

const list = document.getElementById("requests");
const rows = document.getElementById("rows");
const template = document.getElementById("row-template");
const words = JSON.parse(list.dataset.outcomes);
// Maximum number of rows, and rows per request.
const KEEP = 200;
const PAGE = 60;
// Milliseconds before the list is requested: after an event, and again if the list does not include it yet.
const SOON = 700;
const BEHIND = 1500;
// Milliseconds before the sums above the list are requested.
const SUMS = 2000;
const filtered = [...new URLSearchParams(location.search)].some(([name, value]) => value && name !== "sel");

function find(key) {
  return rows.querySelector(`tr[data-key="${CSS.escape(key)}"]`);
}

function set(row, field, text) {
  const place = row.querySelector(`[data-field="${field}"]`);
  if (place && place.textContent !== text) place.textContent = text;
  if (place && (field === "error" || field === "agent")) place.hidden = !text;
}

function make(sid, seq, startedAt) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.key = `${sid}/${seq}`;
  row.dataset.started = startedAt;
  row.querySelector("a.open").href = `/x/${encodeURIComponent(sid)}/${seq}`;
  const time = row.querySelector("time");
  time.setAttribute("datetime", startedAt);
  localTime(time);
  return row;
}

// Of calls of one session in the same millisecond the higher number is later; of two sessions, the new one is.
function isBefore(other, row) {
  if (other.dataset.started !== row.dataset.started) return other.dataset.started < row.dataset.started;
  const [[sid, seq], [own, number]] = [other, row].map((each) => each.dataset.key.split("/"));
  return sid !== own || Number(seq) < Number(number);
}

function place(row) {
  list.hidden = false;
  for (const id of ["newcomer", "nothing"]) document.getElementById(id)?.remove();
  rows.insertBefore(row, [...rows.children].find((each) => isBefore(each, row)) || null);
  while (rows.children.length > KEEP) rows.lastElementChild.remove();
}

function judge(row, outcome, status) {
  const [word, tone] = outcome == null ? ["In flight", "run"] : words[outcome] || [outcome, "bad"];
  const badge = row.querySelector(".badge");
  row.className = `row ${tone}${row.classList.contains("selected") ? " selected" : ""}`;
  badge.className = `badge ${tone}`;
  badge.querySelector(".word").textContent = word;
  set(row, "status", status == null ? "" : String(status));
}

function fill(row, item) {
  judge(row, item.outcome, item.status);
  set(row, "client", item.client || "unknown");
  set(row, "agent", item.agent || "");
  const calls = item.tools && item.tools.length ? `calls ${item.tools.join(", ")}` : "";
  const said = item.excerpt || item.preview || calls || `${item.method || ""} ${item.path || ""}`.trim();
  set(row, "what", said.replace(/\s+/g, " ").slice(0, 160) || UNKNOWN);
  set(row, "error", (item.error_message || "").slice(0, 160));
  set(row, "model", item.model || UNKNOWN);
  count(row, item);
  set(row, "ttft", duration(item.ttft_ms));
  if (item.outcome != null) set(row, "duration", duration(item.duration_ms));
  const cost = `${item.cost != null && item.unpriced ? "≥ " : ""}${dollars(item.cost)}`;
  set(row, "cost", cost);
  row.querySelector('[data-field="cost"]').classList.toggle("cents", /\.\d\d$/.test(cost));
}

// The size of the prompt, its cached share, and the rest.
function count(row, usage) {
  const [fresh, read, written] = [usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens];
  const whole = fresh == null ? null : fresh + (read || 0) + (written || 0);
  set(row, "prompt", tokens(whole));
  set(row, "cached", percent(read, whole));
  set(row, "fresh", tokens(whole == null ? null : whole - (read || 0)));
  set(row, "output", tokens(usage.output_tokens));
  const bar = row.querySelector('[data-field="share"]');
  if (bar) bar.value = whole && read != null ? read / whole : 0;
}

function started(event) {
  if (filtered || find(`${event.session_id}/${event.seq}`)) return;
  const row = make(event.session_id, event.seq, event.started_at);
  fill(row, { ...event, client: event.client && event.client.name, agent: event.client && event.client.agent, outcome: null });
  place(row);
}

function completed(event) {
  const row = find(`${event.session_id}/${event.seq}`);
  if (!row) return;
  judge(row, event.outcome, event.status);
  count(row, event.usage || {});
  set(row, "ttft", duration(event.ttft_ms));
  set(row, "duration", duration(event.duration_ms));
}

// What events do not contain (cost, prompt, whether a request passes the filters) is read from the list itself.
// It is read page by page until a known row, so that a burst leaves no gap; and if events may have
// been missed, until every row in progress.
let due = 0;
let again = false;
let missed = false;
async function reconcile() {
  due = 0;
  // The next visible update requests everything.
  if (document.hidden) return;
  if (again) reconcileSoon();
  again = false;
  document.dispatchEvent(new Event("pulse"));
  sums();
  const query = new URLSearchParams(location.search);
  query.set("limit", String(PAGE));
  query.delete("sel");
  for (const name of ["since", "until"]) {
    const time = query.get(name);
    if (time && /T\d\d:\d\d$/.test(time)) query.set(name, `${time}:00Z`);
    else if (time && /T\d\d:\d\d:\d\d$/.test(time)) query.set(name, `${time}Z`);
  }
  const known = new Set([...rows.children].map((row) => row.dataset.key));
  const wanted = new Set(missed ? [...rows.querySelectorAll("tr.run")].map((row) => row.dataset.key) : []);
  missed = false;
  const items = [];
  try {
    for (let met = false; items.length < KEEP && !(met && !wanted.size); ) {
      const answer = await fetch(`/api/requests?${query}`, { headers: { accept: "application/json" } });
      if (!answer.ok) break;
      const page = await answer.json();
      items.push(...page.requests);
      for (const item of page.requests) {
        met ||= known.has(`${item.session_id}/${item.seq}`);
        wanted.delete(`${item.session_id}/${item.seq}`);
      }
      if (!page.next) break;
      query.set("before", page.next);
    }
  } catch {
    // The next event triggers another attempt.
  }
  for (const item of items.reverse()) {
    let row = find(`${item.session_id}/${item.seq}`);
    if (!row) {
      row = make(item.session_id, item.seq, item.started_at);
      place(row);
    } else if (item.outcome == null && !row.classList.contains("run")) {
      // The list does not include the event yet.
      reconcileSoon(BEHIND);
      continue;
    }
    fill(row, item);
  }
}
async function fetchSums() {
  const found = (await fetchDocument(withPart(location.href, "sums"))).getElementById("sums");
  const own = document.getElementById("sums");
  if (found && own && own.textContent !== found.textContent) own.replaceWith(document.adoptNode(found));
}
const sums = gathered(fetchSums, SUMS);
// For a search they are requested after the rows.
if (document.getElementById("sums")?.dataset.later) fetchSums().catch(() => {});
// Events during a request may be too new for it, so it is repeated once.
function reconcileSoon(after = SOON) {
  if (due) again = true;
  else due = setTimeout(reconcile, after);
}
function reconcileAll() {
  missed = true;
  reconcileSoon();
}

function tick() {
  for (const row of rows.querySelectorAll("tr.run")) {
    const since = Date.now() - Date.parse(row.dataset.started);
    if (since >= 0) set(row, "duration", duration(Math.floor(since / 100) * 100));
  }
}

setInterval(tick, 200);
tick();
if (list.dataset.live) {
  const hear = (name, act) =>
    document.addEventListener(`live-${name}`, ({ detail }) => {
      act(detail);
      reconcileSoon();
    });
  hear("request_started", started);
  hear("request_completed", completed);
  document.addEventListener("live-lagged", reconcileAll);
  document.addEventListener("live-open", reconcileAll);
  watch();
}
