// Updates a session: steps appear when they end, and a button shows how many if the reader has scrolled away.
import { localTimes } from "./texts.js";
import { breathe, fetchDocument, withPart } from "./parts.js";
import { gathered, watch } from "./live.js";

const AFTER = 900;
const sid = document.body.dataset.sid;
const conversation = document.getElementById("conversation");
const atEnd = document.body.dataset.last === "1" && conversation;
// How often a call named by an event is requested again, because the index receives it a little later.
const TRIES = 20;
let unseen = new Set();
let ended = new Set();
let tries = 0;

function scroller() {
  const main = document.getElementById("main");
  return main.scrollHeight > main.clientHeight + 4 && getComputedStyle(main).overflowY !== "visible" ? main : document.scrollingElement;
}
function isNearEnd() {
  const at = scroller();
  return at.scrollTop + at.clientHeight > at.scrollHeight - 160;
}

const chip = document.createElement("button");
chip.type = "button";
chip.className = "chip-new";
chip.hidden = true;
chip.dataset.testid = "new-steps";
chip.addEventListener("click", () => {
  if (!atEnd) {
    location.assign(`/s/${encodeURIComponent(sid)}?from=end`);
    return;
  }
  const first = document.getElementById([...unseen][0]);
  seen();
  first?.scrollIntoView({ block: "start" });
});
document.getElementById("main").append(chip);

function seen() {
  unseen = new Set();
  chip.hidden = true;
}
function say() {
  chip.hidden = unseen.size === 0;
  chip.textContent = `${unseen.size} new`;
}
for (const each of [document.getElementById("main"), window]) {
  each.addEventListener("scroll", () => unseen.size && atEnd && isNearEnd() && seen(), { passive: true });
}

function lastStep() {
  const steps = conversation ? conversation.querySelectorAll("article.step[data-key]") : [];
  return steps.length ? steps[steps.length - 1].dataset.key : "0";
}

function replaceChanged(id, found) {
  const [old, fresh] = [document.getElementById(id), found.getElementById(id)];
  if (!old || !fresh) return;
  localTimes(fresh);
  if (old.textContent !== fresh.textContent || old.hidden !== fresh.hidden) old.replaceWith(document.adoptNode(fresh));
}

function putOutline(found) {
  const outline = document.getElementById("outline");
  for (const line of [...(found.getElementById("outline")?.children || [])]) {
    const old = document.getElementById(line.id);
    if (!old) outline?.append(document.adoptNode(line));
    else if (old.textContent !== line.textContent) old.replaceWith(document.adoptNode(line));
  }
}

// A step on the page stays, with its unfolded parts, unless the server's version has changed.
async function putSteps(found) {
  for (const turn of [...found.querySelectorAll("section.turn")]) {
    let old = document.getElementById(turn.id);
    if (!old) {
      old = document.adoptNode(turn.cloneNode(false));
      conversation.append(old);
    }
    const head = turn.querySelector(".turn-head");
    const own = old.querySelector(".turn-head");
    localTimes(turn);
    if (!own) old.prepend(...[...turn.children].filter((each) => !each.matches("article.step")).map((each) => document.adoptNode(each)));
    else if (own.querySelector("h2").textContent === head.querySelector("h2").textContent && own.textContent !== head.textContent) {
      own.replaceChildren(...[...head.childNodes].map((node) => document.adoptNode(node)));
    }
    for (const step of [...turn.querySelectorAll(":scope > article.step")]) {
      const there = document.getElementById(step.id);
      if (there && there.textContent === step.textContent) continue;
      const open = there ? [...there.querySelectorAll("details")].map((each) => each.open) : [];
      const fresh = document.adoptNode(step);
      fresh.querySelectorAll("details").forEach((each, at) => (each.open = Boolean(open[at])));
      if (there) there.replaceWith(fresh);
      else {
        old.append(fresh);
        unseen.add(fresh.id);
      }
      await breathe();
    }
  }
}

const refresh = gathered(async () => {
  if (document.hidden) return;
  const wasNear = isNearEnd();
  const found = await fetchDocument(withPart(`/s/${encodeURIComponent(sid)}`, "fresh", { since: lastStep() }));
  await breathe();
  replaceChanged("session-head", found);
  putOutline(found);
  if (atEnd) {
    replaceChanged("running", found);
    await putSteps(found);
    if (wasNear) {
      seen();
      scroller().scrollTop = scroller().scrollHeight;
    }
  } else {
    for (const step of found.querySelectorAll("article.step")) if (!document.getElementById(step.id)) unseen.add(step.id);
  }
  say();
  const known = new Set((found.getElementById("finished")?.dataset.seqs || "").split(" ").map(Number));
  ended = new Set([...ended].filter((seq) => !known.has(seq)));
  if (ended.size && ++tries < TRIES) refresh();
  else ended.clear();
}, AFTER);

function hear({ detail }) {
  if (!detail.session_id || detail.session_id === sid) refresh();
}
document.addEventListener("live-request_completed", ({ detail }) => {
  if (detail.session_id !== sid) return;
  ended.add(detail.seq);
  tries = 0;
});
for (const name of ["request_started", "request_completed", "finding", "lagged"]) document.addEventListener(`live-${name}`, hear);
watch();

