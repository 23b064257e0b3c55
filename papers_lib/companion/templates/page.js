"use strict";
// The theme button: light or dark by choice, remembered where the browser allows it.
const system = matchMedia("(prefers-color-scheme: dark)");
for (const button of document.querySelectorAll("button.theme")) {
  const theme = () => document.documentElement.dataset.theme || (system.matches ? "dark" : "light");
  const label = () => { button.textContent = theme() === "dark" ? "Light theme" : "Dark theme"; };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", theme()); } catch { /* private window */ }
    label();
  });
  system.addEventListener("change", label);
  label();
}
// What is folded on a narrow screen stands open from the width that it names, and on paper.
for (const part of document.querySelectorAll("details[data-open-from]")) {
  const wide = matchMedia(`(min-width: ${part.dataset.openFrom}), print`);
  const fold = () => { part.open = wide.matches; };
  wide.addEventListener("change", fold);
  fold();
}
// How old a page is, by the reader's clock.
for (const made of document.querySelectorAll("time[datetime]")) {
  const days = Math.floor((Date.now() - Date.parse(made.dateTime)) / 864e5);
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-days, "day");
  if (days >= 0) made.append(`, ${words}`);
}
for (const button of document.querySelectorAll("button.code")) {
  const sources = [...document.querySelectorAll("details.source")];
  button.addEventListener("click", () => {
    const open = !sources.every((source) => source.open);
    for (const source of sources) source.open = open;
    button.textContent = open ? "Fold all code" : "Unfold all code";
  });
}
