// Runs before anything is painted, so that the chosen theme and columns are the first that are seen.
"use strict";
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  const without = localStorage.getItem("columns");
  if (without) document.documentElement.dataset.without = without;
} catch {
  // Without storage the system's theme and all columns stay.
}
