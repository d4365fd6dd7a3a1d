// Changes the star, tags and note of the page's subject through the API.
let where = null;

async function change(body) {
  const answer = await fetch(where.dataset.annotation, {
    method: "PUT",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error?.message || String(answer.status));
  show(said);
  return said;
}

function show(said) {
  const star = document.getElementById("star");
  star.textContent = said.starred ? "★" : "☆";
  star.setAttribute("aria-pressed", String(said.starred));
  const tags = document.getElementById("tags");
  tags.replaceChildren(
    ...said.tags.map((tag) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.className = "tag";
      link.href = `/calls?q=${encodeURIComponent(`tag:${tag}`)}`;
      link.textContent = tag;
      item.append(link);
      return item;
    }),
  );
  tags.hidden = !said.tags.length;
  const note = document.getElementById("note-text");
  note.textContent = said.note || "";
  note.hidden = !said.note;
}

function tell(text) {
  document.getElementById("annotation-said").textContent = text;
}

export async function toggleStar() {
  const star = document.getElementById("star");
  if (!star) return;
  try {
    await change({ starred: star.getAttribute("aria-pressed") !== "true" });
  } catch (error) {
    where.querySelector("details").open = true;
    tell(error.message);
  }
}

export function startAnnotation() {
  where = document.querySelector("[data-annotation]");
  if (!where) return;
  where.querySelector(".was-starred")?.remove();
  document.getElementById("star").hidden = false;
  where.querySelector("details").hidden = false;
  document.getElementById("star").addEventListener("click", toggleStar);
  document.getElementById("annotation-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const tags = form.elements.tags.value.split(/[\s,]+/).filter(Boolean);
    try {
      await change({ tags, note: form.elements.note.value });
      tell("Kept.");
    } catch (error) {
      tell(error.message);
    }
  });
}
