//! `SUMMON_TRACE` writes a run as trace events, to one file for all processes of the run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::Value;
use summon::{Process, SimpleExecutor, summon};

use crate::project::Project;
use crate::support::{TempDir, try_lock};

/// An event of the trace format:
/// <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>.
struct Event {
    phase: String,
    name: String,
    row: (u64, u64),
    at: Option<f64>,
    args: Value,
}

/// Reads a trace, which must be valid JSON at any moment.
fn read(path: &Path) -> Vec<Event> {
    let text = std::fs::read_to_string(path).unwrap();
    let all: Vec<Value> =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let event = |value: Value| Event {
        phase: value["ph"].as_str().expect("each has a phase").to_owned(),
        name: value["name"].as_str().unwrap_or_default().to_owned(),
        row: (
            value["pid"].as_u64().expect("a pid"),
            value["tid"].as_u64().expect("a tid"),
        ),
        at: value["ts"].as_f64(),
        args: value["args"].clone(),
    };
    all.into_iter().map(event).collect()
}

/// Checks the rules that every trace keeps.
fn check(events: &[Event]) {
    let mut open: BTreeMap<(u64, u64), u32> = BTreeMap::new();
    let mut latest: BTreeMap<(u64, u64), f64> = BTreeMap::new();
    let mut named = Vec::new();
    for event in events {
        let bars = open.entry(event.row).or_default();
        match event.phase.as_str() {
            "M" => {
                assert!(event.args.is_object(), "{}", event.name);
                if event.name == "thread_name" {
                    assert!(event.args["name"].is_string());
                    named.push(event.row);
                }
                continue;
            }
            "B" => {
                assert!(!event.name.is_empty());
                *bars += 1;
            }
            "E" => *bars = bars.checked_sub(1).expect("each end has a beginning"),
            "i" => assert!(!event.name.is_empty()),
            other => panic!("no such phase: {other}"),
        }
        assert!(
            named.contains(&event.row),
            "row {:?} has no name",
            event.row
        );
        let at = event.at.expect("it happens at some time");
        let before = latest.insert(event.row, at).unwrap_or_default();
        // A late event carries the time when it happened.
        assert!(
            at >= before || event.phase != "B",
            "{before} comes before {at}, the time of `{}` on row {:?}",
            event.name,
            event.row
        );
    }
}

/// Returns the names of the rows, with the bars on each row.
fn rows(events: &[Event]) -> Vec<(String, Vec<String>)> {
    let names = events.iter().filter(|event| event.name == "thread_name");
    let row = |named: &Event| {
        let bars = events
            .iter()
            .filter(|event| event.row == named.row && event.phase == "B");
        let bars = bars.map(|event| event.name.clone()).collect();
        (named.args["name"].as_str().unwrap().to_owned(), bars)
    };
    names.map(row).collect()
}

fn processes(events: &[Event]) -> usize {
    let bars = events.iter().filter(|event| event.phase == "B");
    let mut pids: Vec<u64> = bars.map(|event| event.row.0).collect();
    pids.sort_unstable();
    pids.dedup();
    pids.len()
}

fn has_all_of(events: &[Event]) {
    check(events);
    let rows = rows(events);
    let bars = |wanted: &str| {
        let found = rows.iter().find(|(name, _)| name == wanted);
        found
            .unwrap_or_else(|| panic!("no row `{wanted}` in {rows:?}"))
            .1
            .clone()
    };
    // The row of the test, and below it the row of its process.
    assert_eq!(bars("suite::stacked"), ["suite::stacked"]);
    assert_eq!(bars("suite::stacked: client"), ["boot", "ready", "stop"]);
}

#[test]
fn all_binaries_of_a_run_are_in_one_file() {
    let (project, dir) = (Project::new(), TempDir::new());
    let file = dir.path().join("out.json");
    std::fs::write(&file, "[\n{\"of\":\"another run\"},\n").unwrap();
    let file_env = [("SUMMON_TRACE", file.to_str().unwrap())];
    project
        .run_with("test --test one --test two --test three", &file_env)
        .succeeded();
    let events = read(&file);
    has_all_of(&events);
    assert_eq!(processes(&events), 3);
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn all_processes_of_nextest_are_in_one_file() {
    let project = Project::new();
    // The path is relative to the runner's working directory.
    let relative = format!("../../../target/trace-{}.json", std::process::id());
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("workspaces/project")
        .join(&relative);
    let file_env = [("SUMMON_TRACE", relative.as_str())];
    project
        .run_with("nextest run --test one --test two", &file_env)
        .succeeded();
    let events = read(&file);
    std::fs::remove_file(file).unwrap();
    has_all_of(&events);
    // Each test with a process is a process in the trace.
    assert!(processes(&events) >= 5);
}

/// Returns the output of a test process that starts and stops a service.
fn said_with(file: &Path) -> String {
    said_by("trace::run_by_others_in_a_process_of_its_own", file)
}

/// Returns the output of a test that runs in a process of its own.
fn said_by(name: &str, file: &Path) -> String {
    let mut test = std::process::Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", name, "--ignored", "--nocapture"]);
    let ran = test.env("SUMMON_TRACE", file).output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.success(), "{said}");
    said
}

#[test]
#[ignore = "others run it, with SUMMON_TRACE"]
fn run_by_others_in_a_process_of_its_own() {
    let path = std::env::var_os("SUMMON_TRACE").expect("others set it");
    let sleeper = SimpleExecutor::new("sleep 1000");
    sleeper.start().unwrap();
    let other = File::open(path).unwrap();
    // The other test may already hold the lock.
    try_lock(&other);
    sleeper.stop().unwrap();
}

#[summon(simple = "sleep 1000")]
fn starts(_: &Process) {}

#[test]
#[ignore = "others run it, with SUMMON_TRACE"]
fn run_by_others_with_threads_of_one_test() {
    let mut threads = Vec::new();
    for _ in 0..8 {
        let thread = std::thread::Builder::new().name("of_one_test".to_owned());
        threads.push(thread.spawn(|| (0..30).for_each(|_| starts())).unwrap());
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn bars_of_threads_that_work_for_one_test_are_in_the_order_of_time() {
    let dir = TempDir::new();
    let file = dir.path().join("out.json");
    said_by("trace::run_by_others_with_threads_of_one_test", &file);
    check(&read(&file));
}

const HELD: &str = "another process has held the lock on the file for 1 s\n";

#[test]
fn events_that_another_process_prevents_are_told_once() {
    let dir = TempDir::new();
    let said = said_with(&dir.path().join("out.json"));
    let told = format!("summon: SUMMON_TRACE: events are missing: {HELD}");
    assert_eq!(said.matches(&told).count(), 1, "{said}");
}

#[test]
fn a_file_that_another_process_keeps_locked_is_named() {
    let dir = TempDir::new();
    let path = dir.path().join("out.json");
    let file = File::create(&path).unwrap();
    assert!(try_lock(&file));
    let said = said_with(&path);
    let path = path.display();
    let told = format!("summon: SUMMON_TRACE: {path} can't be written: {HELD}");
    assert_eq!(said.matches(&told).count(), 1, "{said}");
}

/// `tests/run unit trace` writes the trace of the whole suite, and checks it with this test.
#[test]
#[ignore = "checks a trace that was written before"]
fn run_by_hand_on_a_trace() {
    let file = PathBuf::from(std::env::var_os("TRACE").expect("TRACE names the file"));
    let events = read(&file);
    check(&events);
    println!(
        "{} events, {} rows, {} processes",
        events.len(),
        rows(&events).len(),
        processes(&events)
    );
    assert!(rows(&events).len() > 10);
    if let Some(picture) = std::env::var_os("PICTURE") {
        std::fs::write(picture, picture_of(&events)).unwrap();
    }
}

const COLOURS: [(&str, &str); 4] = [
    ("turn", "#c9a227"),
    ("boot", "#e07b39"),
    ("ready", "#4a9d5b"),
    ("stop", "#8a63b0"),
];

/// Draws the rows that have bars, one below the other, as a viewer shows them.
fn picture_of(events: &[Event]) -> String {
    let (left, width, height) = (520.0, 700.0, 18.0);
    let timed = || events.iter().filter_map(|event| event.at);
    let (first, last) = timed().fold((f64::MAX, f64::MIN), |(first, last), at| {
        (first.min(at), last.max(at))
    });
    let x = |at: f64| left + (at - first) / (last - first) * width;
    let names = events.iter().filter(|event| event.name == "thread_name");
    let mut shown: Vec<&Event> = names
        .filter(|named| {
            events
                .iter()
                .any(|event| event.row == named.row && event.phase == "B")
        })
        .collect();
    let place = |named: &Event| {
        let mut places = events
            .iter()
            .filter(|event| event.name == "thread_sort_index");
        places
            .find(|it| it.row == named.row)
            .and_then(|it| it.args["sort_index"].as_u64())
    };
    shown.sort_by_key(|named| (named.row.0, place(named)));
    let total = height * (shown.len() as f64 + 2.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {total}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n",
        left + width + 10.0
    );
    for (index, (bar, colour)) in COLOURS.iter().enumerate() {
        let at = left + index as f64 * 80.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{at:.0}\" y=\"4\" width=\"10\" height=\"10\" fill=\"{colour}\"/>"
        );
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"13\" fill=\"gray\">{bar}</text>",
            at + 14.0
        );
    }
    for (index, named) in shown.iter().enumerate() {
        let y = height * (index as f64 + 1.0);
        let name = named.args["name"].as_str().unwrap_or_default();
        let name = name.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            svg,
            "<text x=\"0\" y=\"{:.0}\" fill=\"gray\">{name}</text>",
            y + 13.0
        );
        let mut open: Vec<&Event> = Vec::new();
        for event in events.iter().filter(|event| event.row == named.row) {
            match (event.phase.as_str(), event.at) {
                ("B", _) => open.push(event),
                ("E", Some(end)) => {
                    let begun = open.pop().expect("each end has a beginning");
                    let begin = begun.at.unwrap_or(end);
                    let colour = COLOURS.iter().find(|(bar, _)| *bar == begun.name);
                    let colour = colour.map_or("#7f8c9b", |(_, colour)| colour);
                    let _ = writeln!(
                        svg,
                        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
                        x(begin),
                        y + 2.0,
                        (x(end) - x(begin)).max(0.6),
                        height - 4.0
                    );
                }
                _ => {}
            }
        }
    }
    svg + "</svg>\n"
}

#[test]
#[ignore = "another test runs it, and reads its trace"]
fn run_by_another_and_is_prepared() {
    let server = SimpleExecutor::new("sleep 1000").named("server");
    let server = server.before("true");
    server.start().unwrap();
    // The trace is complete even while the process still runs.
    read(&PathBuf::from(std::env::var_os("SUMMON_TRACE").unwrap()));
    server.stop().unwrap();
}

#[test]
fn has_the_commands_that_come_before_a_process() {
    let dir = TempDir::new();
    let file = dir.path().join("out.json");
    let ran = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "trace::run_by_another_and_is_prepared",
        ])
        .env("SUMMON_TRACE", &file)
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stdout)
    );
    let events = read(&file);
    check(&events);
    let rows = rows(&events);
    let bars = rows.iter().find(|(name, _)| name.ends_with(": server"));
    assert_eq!(bars.expect("a row").1, ["before", "boot", "ready", "stop"]);
}

#[test]
#[ignore = "another test runs it, and reads its trace"]
fn run_by_another_and_breaks_its_network() {
    let server = SimpleExecutor::new("sleep 1000 {port}").named("db");
    let link = server.link().unwrap();
    link.delay("200ms").unwrap();
    link.while_cut(|| ()).unwrap();
    link.heal().unwrap();
    link.one_way(summon::Way::ToServer).silence().unwrap();
}

#[test]
fn has_a_bar_for_each_link_and_for_its_faults() {
    let dir = TempDir::new();
    let file = dir.path().join("out.json");
    said_by("trace::run_by_another_and_breaks_its_network", &file);
    let events = read(&file);
    check(&events);
    let rows = rows(&events);
    // Before it stands the name of a test. Under nextest that is the name of this test.
    let is_of_link = |name: &str| name.starts_with("trace::") && name.ends_with(": link to db");
    let (_, bars) = rows
        .iter()
        .find(|(name, _)| is_of_link(name))
        .expect("a row");
    let faults = [
        "link",
        "delayed by 200ms",
        "cut, delayed by 200ms",
        "delayed by 200ms",
        "silenced to the server",
    ];
    assert_eq!(*bars, faults);
    // All bars have an end, and the last one ends with the link.
    let count = |phase: &str| events.iter().filter(|event| event.phase == phase).count();
    assert_eq!(count("B"), count("E"));
    // The bar of the link is around the others.
    let phases = events.iter().map(|event| event.phase.as_str());
    let phases: String = phases.filter(|phase| *phase != "M").collect();
    assert_eq!(phases, "BBEBEBEBEE");
}
