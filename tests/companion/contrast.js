// What a reader can tell apart: the contrast (WCAG 2.2) of each text node and of each mark of a drawing against
// the colours behind it, blended. Value: {text: [ratio, least ratio, pixels, in a drawing, words], marks: [ratio, words]}.
(() => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => {
    if (!known.has(colour)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = colour;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
      known.set(colour, [r, g, b, a / 255]);
    }
    return known.get(colour);
  };
  const over = ([r, g, b, a], below) => [...[r, g, b].map((v, i) => v * a + below[i] * (1 - a)), 1];
  const light = (colour) => colour.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (e) => {
    const layers = [];
    for (; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const opacity = (e) => e ? getComputedStyle(e).opacity * opacity(e.parentElement) : 1;
  const seen = (colour, share, below) => over([...colour.slice(0, 3), colour[3] * share], below);

  for (const details of document.querySelectorAll("details")) details.open = true;
  const text = [], marks = [];
  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const words = nodes.currentNode.textContent.trim(), e = nodes.currentNode.parentElement;
    // Anchors show on hover and focus only; the link to skip to the content on focus only.
    if (!words || e.closest("script, style, .anchor, .skip") || !e.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(e), drawn = Boolean(e.closest("svg")), below = behind(e);
    const share = opacity(e) * (drawn ? style.fillOpacity : 1);
    const at = drawn ? e.closest("text").getScreenCTM() : { a: 1, b: 0 };
    const pixels = parseFloat(style.fontSize) * Math.hypot(at.a, at.b);
    const large = pixels >= 24 || (pixels >= 18.66 && style.fontWeight >= 700);
    const found = ratio(seen(rgba(drawn ? style.fill : style.color), share, below), below);
    text.push([found, large ? 3 : 4.5, pixels, drawn, `${e.tagName} ${words.slice(0, 40)}`]);
  }
  for (const e of document.querySelectorAll("figure svg :is(path, use, line, rect)")) {
    if (e.closest("defs, clipPath")) continue;
    const style = getComputedStyle(e), below = behind(e.closest("svg"));
    const paints = [["fill", style.fillOpacity], ["stroke", style.strokeOpacity]].filter(([kind]) => style[kind] !== "none");
    // A mark is told by its fill or by its edge, whichever is plainer.
    const ratios = paints.map(([kind, share]) => ratio(seen(rgba(style[kind]), share * opacity(e), below), below));
    if (ratios.length) marks.push([Math.max(...ratios), `${e.closest("figure").id} ${style.fill} ${style.stroke}`]);
  }
  return { text, marks };
})()
