// What the whole page shares: the chosen index, who one is, how it looks. Kept for the tab, the look for good.

export const state = {
  index: undefined,
  token: sessionStorage.getItem("raghop-token") ?? "",
  pipelines: [],
};

export function keepToken(token) {
  state.token = token;
  sessionStorage.setItem("raghop-token", token);
}

export function showTheme(theme = localStorage.getItem("raghop-theme") ?? "") {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function keepTheme(theme) {
  localStorage.setItem("raghop-theme", theme);
  showTheme(theme);
}
