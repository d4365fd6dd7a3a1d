// Chooses the visible columns of a list and stores them here; theme.js hides the others before the first paint.
const KEY = "columns";

function left() {
  return new Set((document.documentElement.dataset.without || "").split(" ").filter(Boolean));
}

function keep(names) {
  const text = [...names].join(" ");
  document.documentElement.dataset.without = text;
  try {
    localStorage.setItem(KEY, text);
  } catch {
    // The choice then applies to this page only.
  }
}

export function startColumns() {
  const chooser = document.getElementById("columns");
  if (!chooser) return;
  chooser.hidden = false;
  const names = left();
  for (const box of chooser.querySelectorAll("input")) box.checked = !names.has(box.dataset.column);
  chooser.addEventListener("change", (event) => {
    const chosen = left();
    if (event.target.checked) chosen.delete(event.target.dataset.column);
    else chosen.add(event.target.dataset.column);
    keep(chosen);
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#columns")) chooser.open = false;
  });
}
