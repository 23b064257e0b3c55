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
// On a narrow screen the rules of the claims fold away, and open again where there is room.
const narrow = matchMedia("(max-width: 60rem)");
const fold = () => { for (const rule of document.querySelectorAll(".claims .rule > details")) rule.open = !narrow.matches; };
narrow.addEventListener("change", fold);
fold();
addEventListener("beforeprint", () => {
  for (const rule of document.querySelectorAll(".claims .rule > details")) rule.open = true;
});
// How old a page is, by the reader's clock.
for (const made of document.querySelectorAll("time[datetime]")) {
  const days = Math.floor((Date.now() - Date.parse(made.dateTime)) / 864e5);
  const [size, unit] = days < 60 ? [1, "day"] : days < 730 ? [30.44, "month"] : [365.25, "year"];
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-Math.floor(days / size), unit);
  if (days >= 0) made.append(`, ${words}`);
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
