// Filters the tools of a request by the text typed.
const field = document.getElementById("tool-filter");
if (field) {
  field.parentElement.hidden = false;
  const tools = [...document.querySelectorAll(".tool-entry")].map((each) => [each, each.textContent.toLowerCase()]);
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    for (const [tool, text] of tools) tool.hidden = !text.includes(wanted);
  });
}
