// Fetches pages, and parts of them, as documents. The browser's own loader parses them, never a parser of strings, so
// that the policy (Trusted Types) holds; nothing in them can run.

export function fetchDocument(address) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.timeout = 20000;
    request.onload = () => (request.response ? resolve(request.response) : reject(new Error(String(request.status))));
    request.onerror = request.ontimeout = () => reject(new Error("not answered"));
    request.send();
  });
}

// Lets the browser paint and process keys before the next piece of work.
export function breathe() {
  return new Promise((resolve) => (globalThis.scheduler?.yield ? scheduler.yield().then(resolve) : setTimeout(resolve)));
}

export function withPart(address, part, more = {}) {
  const url = new URL(address, location.href);
  url.hash = "";
  url.searchParams.set("part", part);
  for (const [name, value] of Object.entries(more)) url.searchParams.set(name, value);
  return url.pathname + url.search;
}
