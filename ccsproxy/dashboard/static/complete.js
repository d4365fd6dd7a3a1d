// Completes fields and values of the query language while typing.
const FIELDS = {
  model: "model", client: "client", upstream: "upstream", cwd: "cwd", project: "cwd", outcome: "outcome", tool: "tool",
  category: "category", dialect: "dialect", status: "status",
};
// Fields about people are offered only where the calls of many people are collected.
const PEOPLE = ["user", "team", "host"];
const PLAIN = [
  "cost:>", "in:>", "new:>", "out:>", "cached:<", "duration:>", "ttft:>", "errors:yes", "starred:yes", "tag:", "note:",
  "session:", "agent:", "account:", "version:", "path:", "error:", "stop:", "since:today", "since:24h", "since:7d",
  "until:", "sort:-cost", "sort:-duration", "sort:-in", "sort:-time",
];
const MOST = 10;
let asked = null;

async function load() {
  try {
    const answer = await fetch("/api/meta", { headers: { accept: "application/json" } });
    const values = await answer.json();
    for (const name of PEOPLE) if (values[name]) FIELDS[name] = name;
    return values;
  } catch {
    // Without an answer only fields are completed.
    return {};
  }
}

function wordAt(field) {
  const before = field.value.slice(0, field.selectionStart);
  return before.match(/-?[^\s"]*$/)[0];
}

function offers(word, meta) {
  const bare = word.replace(/^-/, "");
  const [name, ...rest] = bare.split(":");
  if (rest.length && FIELDS[name.toLowerCase()]) {
    const begun = rest.join(":").toLowerCase();
    const found = (meta[FIELDS[name.toLowerCase()]] || []).map(String);
    return found.filter((value) => value.toLowerCase().includes(begun)).map((value) => `${name}:${quoted(value)}`);
  }
  const all = [...Object.keys(FIELDS).map((field) => `${field}:`), ...PLAIN];
  return bare ? all.filter((each) => each.startsWith(bare.toLowerCase()) && each !== bare) : [];
}
function quoted(value) {
  return /\s/.test(value) ? `"${value}"` : value;
}

export function startCompletion(field) {
  const list = document.getElementById("completions");
  if (!field || !list) return;
  let at = -1;
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", "completions");
  field.setAttribute("aria-expanded", "false");

  function close() {
    list.hidden = true;
    at = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }
  function take(text) {
    const word = wordAt(field);
    const end = field.selectionStart;
    const sign = word.startsWith("-") ? "-" : "";
    const whole = /[:><]$/.test(text) ? sign + text : `${sign}${text} `;
    field.value = field.value.slice(0, end - word.length) + whole + field.value.slice(end);
    const caret = end - word.length + whole.length;
    field.setSelectionRange(caret, caret);
    close();
    if (/:$/.test(text)) offer();
  }
  function choose(number) {
    const items = [...list.children];
    at = (number + items.length) % items.length;
    items.forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
    field.setAttribute("aria-activedescendant", items[at].id);
  }
  async function offer() {
    const word = wordAt(field);
    asked ??= load();
    const values = await asked;
    // Something was typed meanwhile, whose own offer is newer: this one would undo a choice among its lines.
    if (word !== wordAt(field)) return;
    const found = offers(word, values).slice(0, MOST);
    if (!found.length || document.activeElement !== field) return close();
    at = -1;
    list.replaceChildren(
      ...found.map((text, number) => {
        const item = document.createElement("li");
        item.id = `completion-${number}`;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
        item.textContent = text;
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();
          take(text);
        });
        return item;
      }),
    );
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
  }
  field.addEventListener("input", offer);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown") choose(at + 1);
    else if (event.key === "ArrowUp") choose(at - 1);
    else if ((event.key === "Enter" || event.key === "Tab") && at >= 0) take(list.children[at].textContent);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
