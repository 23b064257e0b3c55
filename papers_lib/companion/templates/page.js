"use strict";
// The theme button: light or dark by choice, remembered where the browser allows it.
for (const button of document.querySelectorAll("button.theme")) {
  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const label = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; };
  button.hidden = false;
  button.addEventListener("click", () => {
    const theme = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("theme", theme); } catch { /* private window: the choice lasts for this page */ }
    label();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();
}
// On a phone, the contents list folds away once a section was chosen.
for (const link of document.querySelectorAll("nav.contents.folded a")) {
  link.addEventListener("click", () => { link.closest("details").open = false; });
}
// All code at once.
for (const button of document.querySelectorAll("button.code")) {
  const sources = [...document.querySelectorAll("details.source")];
  button.hidden = sources.length === 0;
  button.addEventListener("click", () => {
    const open = !sources.every((source) => source.open);
    for (const source of sources) source.open = open;
    button.textContent = open ? "Fold all code" : "Unfold all code";
  });
}
