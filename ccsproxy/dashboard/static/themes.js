// Switches between light, dark and the system's theme, and stores the choice in this browser.
const ORDER = ["system", "light", "dark"];

function chosen() {
  return document.documentElement.dataset.theme || "system";
}

function apply(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // The choice then applies to this page only.
  }
}

export function nextTheme() {
  const button = document.getElementById("theme");
  apply(ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length]);
  if (button) label(button);
}

function label(button) {
  const name = chosen();
  button.textContent = { system: "◐", light: "☀", dark: "☾" }[name];
  button.title = `Theme: ${name === "system" ? "the system's" : name}`;
  button.setAttribute("aria-label", `${button.title}; change it`);
}

export function chooseTheme(button) {
  if (!button) return;
  button.hidden = false;
  label(button);
  button.addEventListener("click", nextTheme);
}
