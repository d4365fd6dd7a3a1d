// Figures as the server writes them (ccsproxy/dashboard/figures.py); unknown is a dash, never a zero.

export const UNKNOWN = "–";

export function tokens(count) {
  if (count == null) return UNKNOWN;
  if (count < 10000) return Math.round(count).toLocaleString("en-US");
  return count < 999950 ? `${(count / 1000).toFixed(1)}k` : `${(count / 1e6).toFixed(2)}M`;
}

export function percent(part, whole) {
  if (part == null || !whole) return UNKNOWN;
  const exact = (100 * part) / whole;
  if (exact > 0 && exact < 1) return "<1 %";
  return exact >= 99.5 && exact < 100 ? ">99 %" : `${Math.round(exact)} %`;
}

export function duration(ms) {
  if (ms == null) return UNKNOWN;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 59950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m`;
}

export function dollars(amount) {
  if (amount == null) return UNKNOWN;
  if (amount === 0 || amount >= 0.1) {
    return `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  }
  // Two digits that say something: a small cost is never nothing.
  const digits = Math.min(1 - Math.floor(Math.log10(Math.abs(amount))), 12);
  return `$${amount.toFixed(Math.max(digits, 4))}`;
}

export function localTime(element) {
  const at = new Date(element.getAttribute("datetime") || "");
  if (Number.isNaN(at.valueOf())) return;
  const day = document.createElement("span");
  day.className = "day";
  day.textContent = at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  element.replaceChildren(day, ` ${at.toLocaleTimeString("en-GB")}`);
  element.title = at.toISOString();
}
