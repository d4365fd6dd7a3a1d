// Receives the service's live events, over one connection per page, and dispatches each as an event of the document.
// Milliseconds before a refused stream is requested again, for example after too many connections.
const REFUSED = 5000;
const NAMES = ["request_started", "request_identified", "request_completed", "finding", "budget", "store", "lagged"];

function say(state) {
  const live = document.getElementById("live");
  live.hidden = false;
  live.textContent = state === "live" ? "live" : "reconnecting";
  live.className = `live ${state}`;
}

function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(`live-${name}`, { detail }));
}

// A hidden tab closes its connection, because browsers allow only a few per host.
let stream = null;
function open() {
  if (stream || document.hidden) return;
  stream = new EventSource("/api/stream");
  for (const name of NAMES) {
    stream.addEventListener(name, (event) => {
      let detail = {};
      try {
        detail = JSON.parse(event.data);
      } catch {
        // Some events have no data.
      }
      tell(name, detail);
      document.dispatchEvent(new Event("ccsproxy-changed"));
    });
  }
  stream.addEventListener("open", () => {
    say("live");
    tell("open", {});
  });
  stream.addEventListener("error", ({ target }) => {
    say("waiting");
    // Browsers reconnect by themselves after an interruption, but not after a refusal.
    if (target.readyState !== EventSource.CLOSED || target !== stream) return;
    rest();
    setTimeout(open, REFUSED);
  });
}
function rest() {
  stream?.close();
  stream = null;
}

let begun = false;
export function watch() {
  if (begun) return;
  begun = true;
  open();
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : open()));
  addEventListener("pagehide", rest);
  addEventListener("pageshow", (event) => event.persisted && open());
}

// Calls back after a pause in the events, and at most once per the given number of milliseconds.
export function gathered(act, after) {
  let due = 0;
  let again = false;
  let busy = false;
  async function run() {
    due = 0;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      await act();
    } catch {
      // The next event triggers another attempt.
    }
    busy = false;
    if (again) {
      again = false;
      soon();
    }
  }
  function soon() {
    if (!due) due = setTimeout(run, after);
  }
  return soon;
}
