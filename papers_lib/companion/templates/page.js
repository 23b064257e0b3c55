"use strict";
// The theme button: light or dark by choice, remembered where the browser allows it.
document.querySelector("button.theme").addEventListener("click", () => {
  const page = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)").matches;
  page.dataset.theme = (page.dataset.theme || (system ? "dark" : "light")) === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", page.dataset.theme); } catch { /* private window */ }
});
// What is folded on a narrow screen stands open from the width that it names, and on paper.
for (const part of document.querySelectorAll("details[data-open-from]")) {
  const wide = matchMedia(`(min-width: ${part.dataset.openFrom}), print`);
  wide.onchange = () => { part.open = wide.matches; };
  wide.onchange();
}
