// Elements from data. Text is always text: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const ICONS = {
  ask: "M4 5h16v11H9l-5 4z",
  documents: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  compare: "M4 5h7v14H4zM13 5h7v14h-7z",
  why: "M9.2 9a3 3 0 1 1 4.2 2.8c-1 .5-1.4 1-1.4 2.2M12 17.5v.1",
  send: "M5 12h14M13 6l6 6-6 6",
  stop: "M7 7h10v10H7z",
  close: "M6 6l12 12M18 6L6 18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5",
  moon: "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z",
  upload: "M12 16V5M7 10l5-5 5 5M5 19h14",
  next: "M9 6l6 6-6 6",
  previous: "M15 6l-6 6 6 6",
  more: "M6 9l6 6 6-6",
  plus: "M12 5v14M5 12h14",
  tree: "M5 6h4M5 6v12h4M5 12h4M13 6h6M13 12h6M13 18h6",
};

export const icon = (name) =>
  svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));

let last = 0;
export const newId = (name) => `${name}-${++last}`;

export const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

// How much is indexed, and whether an ingest of it did not finish.
export const sizes = (status) =>
  [
    `${count(status.documents ?? 0, "document")} · ${count(status.chunks ?? 0, "passage")}`,
    status.unfinished && h("span", { class: "reason" }, status.unfinished),
  ].filter(Boolean);

// What a person reads of an address: its file without folders, and the place in it.
export function splitAddress(address, source) {
  const place = address.startsWith(source) ? address.slice(source.length).replace(/^, /, "") : "";
  return { name: source.split("/").at(-1), folder: source.split("/").slice(0, -1).join("/"), place };
}

export function shorten(text, length) {
  const line = text.replace(/^#{1,6}\s+/gm, "").replace(/\s+/g, " ").trim();
  return line.length <= length ? line : `${line.slice(0, line.lastIndexOf(" ", length))} …`;
}

// What a view of the server says, as elements: of the tags known here, and links to the web that open elsewhere.
const TAGS = new Set(
  "p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code table thead tbody tr th td strong em s a hr br mark div".split(" "),
);

export function build(children) {
  return children.map((child) => {
    if (typeof child === "string") return child;
    const tag = TAGS.has(child.tag) ? child.tag : "div";
    const link = tag === "a" && /^(https?:\/\/|mailto:)/i.test(child.href ?? "");
    const node = h(tag, link ? { href: child.href, target: "_blank", rel: "noopener noreferrer" } : {});
    if (child.label && tag === "tr") node.append(h("th", { scope: "row", class: "address" }, child.label));
    else if (child.label) node.append(h("p", { class: "address" }, child.label));
    node.append(...build(child.children));
    if (tag === "pre") node.tabIndex = 0; // what scrolls can be reached by the keyboard
    return tag === "table" ? h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Table" }, node) : node;
  });
}
