// Runs before the first paint, so that the chosen theme and columns apply from the start.
"use strict";
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  const without = localStorage.getItem("columns");
  if (without) document.documentElement.dataset.without = without;
} catch {
  // Without storage, the system's theme and all columns are used.
}
