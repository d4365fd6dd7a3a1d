// A call can be dragged (by its row or a link to it) onto another one to compare them.
const TARGET = "[data-drop]";

function placeIn(address) {
  const found = /\/x\/([^/?#]+)\/([0-9]+)(?:[?#]|$)/.exec(address);
  return found ? `${decodeURIComponent(found[1])}/${found[2]}` : "";
}

function placeOf(element) {
  const row = element.closest?.("tr.row[data-key]");
  const link = row ? row.querySelector("a.open") : element.closest?.("a[href]");
  return link ? placeIn(link.href) : "";
}

function targetOf(event) {
  const target = event.target.closest?.(TARGET);
  return target && !target.matches("input") ? target : null;
}

function compare(dragged, target) {
  // Of two calls of a session, the later one is compared with the earlier one, whichever was dragged.
  const [[sid, seq], [own, number]] = [dragged, target].map((each) => [each.slice(0, each.lastIndexOf("/")), Number(each.slice(each.lastIndexOf("/") + 1))]);
  const [a, b] = sid === own && seq > number ? [target, dragged] : [dragged, target];
  location.assign(`/diff?${new URLSearchParams({ a, b })}`);
}

export function startDropping() {
  document.addEventListener("dragstart", (event) => {
    const place = placeOf(event.target);
    if (!place || !event.dataTransfer) return;
    event.dataTransfer.setData("text/plain", place);
    event.dataTransfer.effectAllowed = "copyLink";
    document.body.classList.add("dragging");
  });
  document.addEventListener("dragend", () => {
    document.body.classList.remove("dragging");
    for (const each of document.querySelectorAll(".drop-over")) each.classList.remove("drop-over");
  });
  document.addEventListener("dragover", (event) => {
    const target = targetOf(event);
    if (!target) return;
    event.preventDefault();
    target.classList.add("drop-over");
  });
  document.addEventListener("dragleave", (event) => targetOf(event)?.classList.remove("drop-over"));
  document.addEventListener("drop", (event) => {
    const target = targetOf(event);
    if (!target) return;
    event.preventDefault();
    const text = event.dataTransfer.getData("text/plain");
    const dragged = placeIn(text) || (/^[^/\s]{1,128}\/[0-9]{1,15}$/.test(text) ? text : "");
    if (dragged && dragged !== target.dataset.drop) compare(dragged, target.dataset.drop);
  });
}
