// Formats figures as the server does (ccsproxy/dashboard/html/figures.py); an unknown value is a dash, never a zero.

export const UNKNOWN = "–";

export function tokens(count) {
  if (count == null) return UNKNOWN;
  if (count < 1000) return Math.round(count).toLocaleString("en-US");
  if (count < 9950) return `${(count / 1000).toFixed(1)}k`;
  return count < 999500 ? `${(count / 1000).toFixed(0)}k` : `${(count / 1e6).toFixed(2)}M`;
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
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = String(seconds % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

export function dollars(amount) {
  if (amount == null) return UNKNOWN;
  if (amount === 0 || amount >= 0.1) {
    return `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  }
  if (Math.abs(amount) < 0.0001) return amount > 0 ? "<$0.0001" : "-<$0.0001";
  // Two significant digits: a small cost is never shown as zero.
  const digits = Math.min(1 - Math.floor(Math.log10(Math.abs(amount))), 12);
  return `$${amount.toFixed(Math.max(digits, 4))}`;
}

export function localTime(element) {
  const at = new Date(element.getAttribute("datetime") || "");
  if (Number.isNaN(at.valueOf())) return;
  const since = new Date(element.dataset.since || "");
  element.title = at.toISOString();
  if (since.toDateString() === at.toDateString()) {
    element.replaceChildren(at.toLocaleTimeString("en-GB"));
    return;
  }
  const day = document.createElement("span");
  day.className = "day";
  day.textContent = at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  element.replaceChildren(day, ` ${at.toLocaleTimeString("en-GB")}`);
}
