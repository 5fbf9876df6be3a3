// What the server is asked, and what it says: JSON, server-sent events, errors in one shape.

import { state } from "./state.js";

export class Problem extends Error {
  constructor(status, { code = "error", message = "The server did not answer as expected.", hint = "" } = {}) {
    super(message);
    Object.assign(this, { status, code, hint });
  }
}

let unlock = null; // asks for a token; null while nobody can be asked

export function onLocked(ask) {
  unlock = ask;
}

async function request(path, { query, headers, ...options } = {}) {
  const given = Object.entries({ index: state.index, ...query }).filter(([, value]) => value !== undefined && value !== "");
  const url = `${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
  const token = state.token ? { Authorization: `Bearer ${state.token}` } : {};
  let response;
  try {
    response = await fetch(url, { ...options, headers: { ...token, ...headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { message: "The server is out of reach.", hint: "Is `rag serve` still running?" });
  }
  if (response.status === 401 && unlock) {
    await unlock(Boolean(state.token));
    return request(path, { query, headers, ...options });
  }
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new Problem(response.status, body.error);
  }
  return response;
}

export const get = async (path, query) => (await request(path, { query })).json();
export const getPicture = async (path, query) => (await request(path, { query })).blob();

const post = (path, body, options = {}) =>
  request(path, {
    method: "POST",
    query: { index: undefined },
    body: JSON.stringify({ index: state.index, ...body }),
    ...options,
    headers: { "Content-Type": "application/json", ...options.headers },
  });

export const send = async (path, body, signal) => (await post(path, body, { signal })).json();

// The events of a response, {name, data}, as they come.
async function* read(response) {
  let rest = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + piece).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split(/\r?\n/).map((line) => /^(event|data): ?(.*)$/.exec(line)).filter(Boolean);
      const data = lines.filter(([, field]) => field === "data").map(([, , value]) => value).join("\n");
      const name = lines.find(([, field]) => field === "event")?.[2] ?? "message";
      if (data) yield { name, data: JSON.parse(data) };
    }
  }
}

// The events of an answer; an "error" is thrown.
export async function* ask(body, signal) {
  const response = await post("/v1/ask", body, { signal, headers: { Accept: "text/event-stream" } });
  for await (const event of read(response)) {
    if (event.name === "error") throw new Problem(200, event.data.error);
    yield event;
  }
}

export async function* follow(job, signal) {
  const response = await request(`/v1/jobs/${encodeURIComponent(job)}/events`, {
    signal,
    query: { index: undefined },
    headers: { Accept: "text/event-stream" },
  });
  for await (const event of read(response)) {
    if (event.name === "error") throw new Problem(200, event.data.error);
    yield event;
  }
}

// Upload files; `progress` hears the share that was sent. Only XMLHttpRequest can tell that.
export function upload(files, progress) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    if (state.index) form.append("index", state.index);
    for (const file of files) form.append("files", file, file.webkitRelativePath || file.name);
    const sending = new XMLHttpRequest();
    sending.open("POST", "/v1/jobs");
    if (state.token) sending.setRequestHeader("Authorization", `Bearer ${state.token}`);
    sending.responseType = "json";
    sending.upload.addEventListener("progress", (event) => progress(event.loaded / event.total));
    sending.addEventListener("error", () => reject(new Problem(0, { message: "The upload broke off." })));
    sending.addEventListener("load", () => {
      if (sending.status < 300) resolve(sending.response);
      else reject(new Problem(sending.status, sending.response?.error));
    });
    sending.send(form);
  });
}
