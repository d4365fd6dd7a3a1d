// The live events of the service, one connection a page; whoever listens hears each as an event of the document.
// Milliseconds after which a stream is asked for again that was refused, as when there are too many.
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

// A hidden tab holds no connection: browsers allow only a few to one host.
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
        // Some have no data.
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
    // A browser comes back by itself to a stream that broke off, but not to one that was refused.
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

// Calls back a while after the last of many events, and not more often than every so many milliseconds.
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
      // The next event asks again.
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
