//! CPU time of the threads of this process, but for those of a software driver.

/// The name of threads that are a driver's.
const DRIVER: &str = "driver";

/// Runs `make`, which makes a device: threads that it starts without naming them count as the driver's.
///
/// Linux names a thread after the one that starts it, and Mesa's thread for a queue has no name of its own.
pub(crate) fn of_a_driver<R>(make: impl FnOnce() -> R) -> R {
    name_this(DRIVER);
    let made = make();
    name_this("main");
    made
}

fn name_this(name: &str) {
    // Where it fails, the driver's time counts as ours: `--threads` shows it.
    let _ = std::fs::write("/proc/thread-self/comm", name);
}

/// Nanoseconds that all threads have run, the driver's left out: a driver that draws on the CPU has workers (`llvmpipe-0` and
/// on) and a thread for each queue. On a real GPU there is next to nothing of these. Threads that have ended are not counted.
pub(crate) fn own_cpu() -> u64 {
    of_threads(|name| name != DRIVER && !name.starts_with("llvmpipe"))
}

fn of_threads(counts: impl Fn(&str) -> bool) -> u64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return 0;
    };
    tasks
        .flatten()
        .filter_map(|task| {
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            let spent = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            let spent: u64 = spent.split(' ').next()?.parse().ok()?;
            counts(name.trim()).then_some(spent)
        })
        .sum()
}

/// Names and CPU seconds of all threads, for `--threads`.
pub(crate) fn table() -> String {
    let mut rows: Vec<_> = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|task| {
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            let spent = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            let spent: u64 = spent.split(' ').next()?.parse().ok()?;
            Some((spent, name.trim().to_owned()))
        })
        .collect();
    rows.sort_unstable_by(|a, b| b.cmp(a));
    rows.iter()
        .map(|(spent, name)| format!("{:8.3} s  {name}\n", *spent as f64 / 1e9))
        .collect()
}
