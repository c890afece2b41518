/** Work of which only the newest matters. */

/** Asks for the work after a pause without further asking, one at a time: what is asked for meanwhile replaces what waits. */
export function afterPause(ms: number, work: () => Promise<void>): { readonly ask: (at?: "once") => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAtWork = false;
  let isWanted = false;
  const start = async () => {
    if (isAtWork) {
      isWanted = true;
      return;
    }
    isAtWork = true;
    try {
      await work();
    } finally {
      isAtWork = false;
      if (isWanted) {
        isWanted = false;
        void start();
      }
    }
  };
  return {
    ask: (at) => {
      clearTimeout(timer);
      timer = setTimeout(start, at === "once" ? 0 : ms);
    },
  };
}
