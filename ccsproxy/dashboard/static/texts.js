// Additions to the server's texts: local times and copy buttons.
import { localTime } from "./format.js";

export function localTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]:not([data-zone])")) localTime(element);
}

export function showButtons(root) {
  for (const button of root.querySelectorAll("button[data-copy], button[data-copy-from]")) button.hidden = false;
}

async function textOf(button) {
  if (button.dataset.copy !== undefined) return button.dataset.copy;
  const answer = await fetch(button.dataset.copyFrom);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
}

export function listenForCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy], button[data-copy-from]");
    if (!button) return;
    const before = button.dataset.said || button.textContent;
    button.dataset.said = before;
    try {
      await navigator.clipboard.writeText(await textOf(button));
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => (button.textContent = before), 1500);
  });
}
