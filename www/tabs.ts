// Tabs by mouse and by keyboard: https://www.w3.org/WAI/ARIA/apg/patterns/tabs/

/** Shows one panel at a time; `shown` hears which. */
export function tabs(list: Element, shown: (panel: string) => void): void {
  const all = [...list.querySelectorAll<HTMLElement>("[role=tab]")];
  const select = (tab: HTMLElement) => {
    for (const other of all) {
      const is = other === tab;
      other.setAttribute("aria-selected", String(is));
      other.tabIndex = is ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")!)!.hidden = !is;
    }
    shown(tab.getAttribute("aria-controls")!);
  };
  for (const [index, tab] of all.entries()) {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -index, End: all.length - 1 - index }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const next = all[(index + step + all.length) % all.length]!;
      select(next);
      next.focus();
    });
  }
}
