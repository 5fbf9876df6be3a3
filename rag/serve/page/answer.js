// An answer as a person reads it: how far it goes, how sure it is, each statement with the sources that show it.

import { count, h, icon, shorten, splitAddress } from "./dom.js";
import "./tree.js";

const LEVELS = {
  answer: ["Answer", "The sources say it, and what is said was checked against them."],
  evidence: ["Evidence", "No short answer is sure enough. These sentences speak to the question."],
  nothing: ["Nothing found", "The documents do not hold enough evidence to answer this."],
};
const SURE = [[0.9, "very sure"], [0.75, "sure"], [0.5, "fairly sure"], [0.25, "not sure"], [0, "a guess"]];
const PARTLY = "partly supported";
const ACCEPTED = new Set(["supported", PARTLY]);
const QUOTING = /^(?:[^“”]*: )?(?:“[^“”]*”[\s,;]*)+(?:\(\w+\))?$/; // a statement that is its quotes
const MARKER = /\s*\[(\d+)\]/g;
const SHORT = 160; // characters of an answer that is set large
const CLOSEST = 3;

// The button that opens a source where it is quoted.
function opener(citation, attributes, ...children) {
  const open = (event) =>
    event.currentTarget.dispatchEvent(new CustomEvent("rag-open", { bubbles: true, detail: { ...citation, opener: event.currentTarget } }));
  return h("button", { type: "button", ...attributes, onclick: open }, children);
}

function chip(marker, citations) {
  const citation = citations.find((one) => one.marker === marker);
  if (!citation) return h("span", { class: "chip" }, marker);
  return opener(citation, { class: "chip", "aria-label": `Source ${marker}: ${citation.address}` }, marker);
}

// Prose with its markers as buttons.
export function prose(text, citations) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(MARKER)) {
    parts.push(text.slice(at, match.index), chip(Number(match[1]), citations));
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}

function emphasize(quote, short) {
  const at = short ? quote.toLowerCase().indexOf(short.toLowerCase()) : -1;
  if (at < 0) return quote;
  return [quote.slice(0, at), h("b", {}, quote.slice(at, at + short.length)), quote.slice(at + short.length)];
}

function address(citation) {
  const { name, folder, place } = splitAddress(citation.address, citation.source);
  return h("span", { class: "where" }, h("span", { class: "file" }, name), place && ` · ${place}`, folder && h("span", { class: "folder" }, folder));
}

export function quoteCard(citation, short) {
  return opener(
    citation,
    { class: "quote", "data-marker": citation.marker },
    h("span", { class: "number", "aria-hidden": "true" }, citation.marker),
    h("q", {}, emphasize(citation.quote.replace(/\s+/g, " "), short)),
    address(citation),
    citation.hop > 0 && h("span", { class: "tag" }, citation.hop === 1 ? "found by a hop" : `found by ${citation.hop} hops`),
  );
}

export function passageCard(hit) {
  return opener(
    { ...hit, quote: hit.text },
    { class: "quote passage" },
    h("span", {}, shorten(hit.text, 220)),
    address(hit),
  );
}

function confidence(value) {
  const word = SURE.find(([least]) => value >= least)[1];
  return h(
    "span",
    { class: "sure" },
    h("meter", { min: 0, max: 1, value, "aria-label": "Confidence" }),
    h("span", {}, `${word}, ${value.toFixed(2)}`),
  );
}

function sides(answer) {
  if (!answer.sides.length) return null;
  return h(
    "section",
    { class: "sides", "aria-label": "Sources that disagree" },
    h("h3", {}, "The sources disagree"),
    h(
      "ul",
      {},
      answer.sides.map((side) =>
        h("li", {}, h("b", {}, side.answer), " ", chip(side.marker, answer.citations), side.date && h("time", { datetime: side.date }, side.date)),
      ),
    ),
  );
}

// What is said: a short answer large, prose with its markers, and each quote once as a card that opens its source.
function body(answer) {
  const said = answer.statements.filter((one) => ACCEPTED.has(one.verdict) || answer.answer.includes(one.text));
  const written = said.filter((one) => !QUOTING.test(one.text));
  const parts = [];
  if (answer.level === "answer" && !written.length) parts.push(h("p", { class: answer.short.length > SHORT ? "prose" : "short" }, answer.short));
  if (written.length) {
    const sentences = written.map((one) => [
      ...prose(`${one.text}${one.citations.map((marker) => ` [${marker}]`).join("")} `, answer.citations),
      one.verdict !== "supported" && h("span", { class: "tag" }, one.verdict),
    ]);
    parts.push(h("p", { class: "prose" }, sentences));
  }
  const short = answer.short.length > SHORT ? "" : answer.short;
  if (answer.citations.length) parts.push(h("div", { class: "quotes" }, answer.citations.map((one) => quoteCard(one, short))));
  return parts;
}

function missing(answer) {
  if (!answer.missing.length) return null;
  return h("p", {}, "No passage found speaks of ", answer.missing.map((word, i) => [i > 0 && ", ", h("b", {}, word)]), ".");
}

function nothing(answer) {
  const parts = [missing(answer)];
  if (answer.hits.length) {
    parts.push(h("h3", {}, "Closest passages"), h("div", { class: "quotes" }, answer.hits.slice(0, CLOSEST).map(passageCard)));
  }
  return parts;
}

function withheld(answer) {
  const left = answer.statements.filter((one) => !ACCEPTED.has(one.verdict) && !answer.answer.includes(one.text));
  if (!left.length) return null;
  return h(
    "details",
    { class: "withheld" },
    h("summary", {}, `${count(left.length, "statement")} left out for lack of support`),
    h("ul", {}, left.map((one) => h("li", {}, one.text, " ", h("span", { class: "tag" }, one.verdict)))),
  );
}

const NAMES = { retrieve: "Search", hop: "Hop", rank: "Rank", generate: "Read", verify: "Check" };

// What a step did, in a few words.
export function describe(step) {
  const name = step.name ?? step.step;
  if (name === "retrieve") return step.hop ? `followed, ${step.new} more` : count(step.new, "passage");
  if (name === "hop") return step.queries ? count(step.queries, "lead") : "no leads";
  if (name === "rank") return `kept ${step.kept} of ${step.tree}`;
  if (name === "verify") return count(step.verdicts?.length ?? 0, "statement");
  return "";
}

export function stepLine(step) {
  return h("li", {}, h("b", {}, NAMES[step.name ?? step.step] ?? step.step), " ", describe(step));
}

class RagAnswer extends HTMLElement {
  // Show an answer; `asked` are the words the tree is asked again with.
  show(answer, asked = {}) {
    const [label, meaning] = LEVELS[answer.level];
    const tree = h("rag-tree", {});
    const how = h(
      "details",
      { class: "how" },
      h("summary", {}, icon("tree"), h("span", {}, "How it was found")),
      h("ol", { class: "steps" }, (answer.trace ?? []).map(stepLine)),
      tree,
    );
    how.addEventListener("toggle", () => how.open && tree.load(answer, asked));
    const why = (event) =>
      event.currentTarget.dispatchEvent(new CustomEvent("rag-go", { bubbles: true, detail: { view: "why", question: answer.question } }));
    this.replaceChildren(
      h(
        "div",
        { class: "verdict" },
        h("span", { class: `level ${answer.level}`, title: meaning }, label),
        answer.confidence !== null && answer.level !== "nothing" && confidence(answer.confidence),
        h("span", { class: "time" }, `${answer.seconds.toFixed(1)} s`),
      ),
      ...(answer.level === "answer" ? [] : [h("p", { class: "meaning" }, meaning)]),
      ...body(answer),
      ...[sides(answer), ...(answer.level === "nothing" ? nothing(answer) : [missing(answer)]), withheld(answer)].filter(Boolean),
      h("div", { class: "after" }, how, h("button", { type: "button", class: "quiet", onclick: why }, icon("why"), "Something missing?")),
    );
    return this;
  }
}

customElements.define("rag-answer", RagAnswer);
