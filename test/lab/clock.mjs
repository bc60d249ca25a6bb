// Loaded into a daemon before anything else (`node --import`): SIGUSR2 steps its wall clock as somebody would who sets it, a day ahead,
// then a day behind, and so on. What only runs forward (`performance.now`, timers) is left alone, as the kernel leaves it.
const DAY_MS = 86_400_000;
const RealDate = Date;
let step = 0;

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + step);
    else super(...args);
  }

  static now() {
    return RealDate.now() + step;
  }
};

process.on("SIGUSR2", () => {
  step = step > 0 ? -DAY_MS : DAY_MS;
});
