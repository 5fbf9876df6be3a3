// The conversation: a question, what happens meanwhile, statements as they are checked, and the answer.

import { ask, get } from "./api.js";
import { h, icon, sizes } from "./dom.js";
import { prose, stepLine } from "./answer.js";
import { state } from "./state.js";

const TURNS = 10; // of the conversation that go along with a question

// A field for a question that grows with it: Enter asks, Shift+Enter begins a line.
export function questionField({ label, placeholder, onask }) {
  const field = h("textarea", { rows: 1, placeholder, "aria-label": label, maxlength: 4000, enterkeyhint: "send" });
  const grow = () => {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 220)}px`;
  };
  field.addEventListener("input", grow);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      onask();
    }
  });
  field.fill = (text) => {
    field.value = text;
    grow();
  };
  return field;
}

export function problemLine(problem) {
  return h("p", { class: "problem", role: "alert" }, h("b", {}, problem.message), " ", problem.hint);
}

class RagAsk extends HTMLElement {
  #history = [];
  #running = null;

  connectedCallback() {
    if (this.firstChild) return;
    this.field = questionField({ label: "Your question", placeholder: "Ask a question …", onask: () => this.#ask() });
    this.button = h("button", { type: "submit", class: "primary go", "aria-label": "Ask" }, icon("send"));
    this.pipeline = h("select", { "aria-label": "Pipeline" });
    this.fresh = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.#begin() }, icon("plus"), "New conversation");
    this.form = h(
      "form",
      { class: "composer", onsubmit: (event) => this.#submit(event) },
      h("div", { class: "field" }, this.field, this.button),
      h("div", { class: "below" }, this.pipeline, this.fresh, h("span", { class: "keys" }, h("kbd", {}, "Enter"), " asks, ", h("kbd", {}, "Shift"), "+", h("kbd", {}, "Enter"), " begins a line")),
    );
    this.turns = h("div", { class: "turns" });
    this.welcome = h("div", { class: "welcome" });
    this.heading = h("h1", { class: "hidden", hidden: true }, "Conversation");
    this.append(this.heading, this.welcome, this.turns, this.form);
    this.#welcome();
  }

  enter(detail) {
    const names = state.pipelines.map((one) => one.name);
    this.pipeline.replaceChildren(h("option", { value: "" }, "The index’s own pipeline"), ...names.map((name) => h("option", { value: name }, name)));
    this.pipeline.hidden = !names.length;
    if (detail?.question) this.field.fill(detail.question);
    this.field.focus({ preventScroll: true });
  }

  async #welcome() {
    const facts = h("p", { class: "facts" });
    this.welcome.replaceChildren(
      h("h1", {}, "Ask your documents"),
      h("p", { class: "lead" }, "Every answer quotes its sources, and every quote opens where it stands."),
      facts,
    );
    try {
      const status = await get("/v1/status");
      if (status.documents) facts.replaceChildren(...sizes(status));
      else facts.replaceChildren("Nothing is indexed yet. ", h("a", { href: "#documents" }, "Add documents"));
    } catch (problem) {
      facts.replaceChildren(problem.code === "index_missing" ? "Nothing is indexed yet. " : `${problem.message} `, h("a", { href: "#documents" }, "Documents"));
    }
  }

  #begin() {
    this.#running?.abort();
    this.#history = [];
    this.turns.replaceChildren();
    this.welcome.hidden = false;
    this.heading.hidden = this.fresh.hidden = true;
    this.field.focus();
  }

  #submit(event) {
    event.preventDefault();
    if (this.#running) this.#running.abort();
    else this.#ask();
  }

  #busy(on) {
    this.button.replaceChildren(icon(on ? "stop" : "send"));
    this.button.setAttribute("aria-label", on ? "Stop" : "Ask");
    this.classList.toggle("busy", on);
  }

  async #ask() {
    const question = this.field.value.trim();
    if (!question || this.#running) return;
    const running = (this.#running = new AbortController());
    this.field.fill("");
    this.welcome.hidden = true;
    this.heading.hidden = this.fresh.hidden = false;
    this.#busy(true);
    const steps = h("ol", { class: "steps live" });
    const text = h("p", { class: "prose" });
    const asked = h("p", { class: "asked", hidden: true });
    const answer = h("div", { class: "reply", "aria-busy": "true" }, h("div", { class: "waiting", role: "status" }, "Looking …"), steps, text);
    const turn = h("section", { class: "turn", "aria-label": question }, h("h2", {}, question), asked, answer);
    this.turns.append(turn);
    turn.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    const pipeline = this.pipeline.value || undefined;
    const history = this.#history.slice(-TURNS);
    let told = "";
    let alone = question;
    try {
      for await (const { name, data } of ask({ question, pipeline, history }, running.signal)) {
        if (name === "asked" && data.question !== question) {
          alone = data.question;
          asked.replaceChildren("Understood as: ", h("q", {}, alone));
          asked.hidden = false;
        } else if (name === "step") {
          steps.append(stepLine(data));
        } else if (name === "statement") {
          told += data.text;
          text.replaceChildren(...prose(told, []).filter((part) => part !== ""));
        } else if (name === "answer") {
          const shown = h("rag-answer", {});
          answer.replaceChildren(shown.show(data, { pipeline, question: alone }));
          this.#history.push({ question, answer: data.answer.slice(0, 20000) });
        }
      }
    } catch (problem) {
      answer.querySelector(".waiting")?.remove();
      if (problem.name === "AbortError") answer.append(h("p", { class: "asked" }, "Stopped."));
      else answer.append(problemLine(problem));
    } finally {
      answer.removeAttribute("aria-busy");
      if (this.#running === running) this.#running = null;
      this.#busy(false);
    }
  }
}

customElements.define("rag-ask", RagAsk);
